/** What the server answers, as far as the page reads it. `/openapi.json` describes it in full. */

/** A histogram: bucket `i` counts values of `from[i]` to `from[i + 1] - 1`, and the last bucket all above. */
export interface Histogram {
  readonly from: readonly number[];
  readonly counts: readonly number[];
}

export interface Dataset {
  readonly id: string;
  readonly status: string;
  readonly engine: string;
  /** The share that was read, from 0 to 1. */
  readonly progress: number;
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly modified: number;
  readonly records: number;
  readonly conversations: number;
  readonly turns: number;
  readonly replies: number;
  readonly left_out: number;
  readonly skipped: number;
  readonly index_bytes: number | null;
  readonly parts: number;
  readonly roles: Readonly<Record<string, number>>;
  readonly histograms: { readonly turns: Histogram | null; readonly lengths: Histogram | null } | null;
}

/** A conversation in a list; `prompt` is the beginning of its first prompt. */
export interface Row {
  readonly number: number;
  readonly id: string | null;
  readonly turns: number;
  readonly prompt: string | null;
  readonly tokens?: number | null;
  readonly bytes?: number;
  readonly skipped?: boolean;
}

export interface Rows {
  readonly total: number | null;
  readonly from: number;
  readonly conversations: readonly Row[];
}

interface ToolCall {
  readonly id?: string;
  readonly type?: string;
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface Turn {
  readonly number: number;
  readonly role: string;
  readonly from: string;
  readonly text: string;
  readonly length: number;
  readonly tokens: number | null;
  readonly reasoning: string | null;
  readonly tool_calls: readonly ToolCall[] | null;
}

export interface Conversation {
  readonly number: number;
  readonly id: string | null;
  readonly source: string;
  readonly model: string;
  readonly bytes: number;
  readonly total: number | null;
  readonly system: string | null;
  readonly tools: unknown;
  readonly turns: readonly Turn[];
  readonly other: Readonly<Record<string, unknown>>;
  readonly raw: string | null;
}

/** A turn that a search found. Positions are UTF-16 units. */
export interface Hit {
  readonly number: number;
  readonly id: string | null;
  readonly turn: number;
  readonly role: string;
  readonly length: number;
  readonly at: number;
  readonly snippet: { readonly text: string; readonly marks: readonly (readonly [number, number])[] };
}

/** How far a search is. `seconds` and `cursor` are there at its end. */
export interface Progress {
  readonly turns: number;
  readonly conversations: number;
  readonly read: number;
  readonly bytes: number;
  readonly seconds?: number;
  readonly cursor?: string | null;
}

export interface RepeatedPrompt {
  readonly text: string;
  readonly count: number;
  readonly number: number;
  readonly turn: number;
}

/** A message of a request. */
export interface Message {
  readonly role: string;
  readonly content: string | null;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}

/** An entry of the journal. Times are milliseconds. */
export interface JournalEntry {
  readonly number: number;
  readonly request_id: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly prompt?: string;
  readonly model?: string | null;
  readonly status: number;
  readonly match?: string | null;
  readonly source?: string | null;
  readonly dataset?: string | null;
  readonly error?: { readonly code?: string; readonly message: string } | null;
  readonly came_at: number;
  readonly first_ms?: number;
  readonly duration_ms?: number;
}

export interface NearTurn {
  readonly source: string;
  readonly dataset: string;
  readonly score: number;
  /** Its first 200 characters. */
  readonly text: string;
  readonly reply: string;
}

export interface Explanation {
  readonly histories: readonly (readonly string[])[];
  readonly override: number | null;
  readonly answer: {
    readonly match: string;
    readonly source?: string;
    readonly dataset?: string;
    readonly score?: string;
  } | null;
  readonly error: string | null;
  readonly rungs: readonly {
    readonly rung: string;
    readonly found: boolean;
    readonly turns: number | null;
  }[];
  readonly turns: readonly {
    readonly source: string;
    readonly dataset: string;
    readonly rung: string;
    readonly preceding: number;
    readonly whole: boolean;
    readonly reply: string;
  }[];
  readonly nearest: readonly NearTurn[];
}

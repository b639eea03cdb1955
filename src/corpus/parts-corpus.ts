import { REPEATED_PROMPTS_MAX } from '../core/limits.js';
import type { ConversationPage, Corpus, RecordedConversation, RepeatedPrompt, Signal } from './corpus.js';
import type { SearchCount, SearchEnd, SearchOrder, SearchPlace, SearchReport } from './search.js';

/** A part of a dataset. */
export interface PartCorpus extends Corpus {
  /** The number of records if there are fewer than `record`, or if all are known; undefined if there are at least as many. */
  endBefore(record: number): Promise<number | undefined>;
  /** How many bytes a search reads. */
  readonly searchedBytes: number;
}

/** The parts of a dataset as one: numbers go on from part to part. */
export class PartsCorpus implements Corpus {
  private readonly parts: () => readonly PartCorpus[];

  /** @param parts the parts now: they may change between calls */
  constructor(parts: () => readonly PartCorpus[]) {
    this.parts = parts;
  }

  get total(): number | undefined {
    return totalOf(this.parts());
  }

  async conversations(from: number, limit: number, signal?: Signal): Promise<ConversationPage> {
    const parts = this.parts();
    const lines: ConversationPage['lines'][number][] = [];
    let before = 0;
    for (const part of parts) {
      const wanted = from + limit - before;
      if (wanted <= 0) break;
      const first = Math.max(0, from - before);
      const end = await part.endBefore(wanted);
      if (end === undefined || first < end) {
        const page = await part.conversations(first, wanted - first, signal);
        lines.push(...renumbered(page, before));
      }
      if (end === undefined) break;
      before += end;
    }
    return { total: totalOf(parts), lines };
  }

  async conversation(
    number: number,
    isRaw: boolean,
    signal?: Signal,
  ): Promise<RecordedConversation | undefined> {
    const parts = this.parts();
    let before = 0;
    for (const part of parts) {
      const end = await part.endBefore(number - before + 1);
      if (end === undefined || number - before < end) {
        const found = await part.conversation(number - before, isRaw, signal);
        return found && { ...found, number, total: totalOf(parts) };
      }
      before += end;
    }
    return undefined;
  }

  async byId(id: string, limit: number, signal?: Signal): Promise<ConversationPage> {
    const parts = this.parts();
    const lines: ConversationPage['lines'][number][] = [];
    let before = 0;
    for (const part of parts) {
      if (lines.length === limit) break;
      const page = await part.byId(id, limit - lines.length, signal);
      lines.push(...renumbered(page, before));
      before += page.total ?? 0;
    }
    return { total: totalOf(parts), lines };
  }

  /** Searches one part after the other. Those before the place where it begins aren't counted. */
  async *search(
    { limit, from, ...order }: SearchOrder,
    signal: AbortSignal,
  ): AsyncGenerator<SearchReport, void> {
    const parts = this.parts();
    let before = 0;
    let bytes = bytesAfter(parts, 0);
    let count: SearchCount = { turns: 0, conversations: 0, read: 0, bytes };
    let reported = 0;
    let next: SearchPlace | undefined;
    for (const [i, part] of parts.entries()) {
      const records =
        from === undefined || from.record < before
          ? undefined
          : await part.endBefore(from.record - before + 1);
      if (from !== undefined && records !== undefined && from.record - before >= records) {
        before += records;
        continue;
      }
      const isFirst = from !== undefined && from.record >= before;
      const place = isFirst ? { ...from, record: from.record - before } : undefined;
      const earlier = count;
      let end: SearchEnd | undefined;
      for await (const report of part.search({ ...order, limit: limit - reported, from: place }, signal)) {
        if (report.kind === 'hit') {
          reported++;
          yield { kind: 'hit', hit: { ...report.hit, record: report.hit.record + before } };
          continue;
        }
        if (isFirst) bytes = report.count.bytes + bytesAfter(parts, i + 1);
        count = addedTo(earlier, report.count, bytes);
        if (report.kind === 'progress') yield { kind: 'progress', count };
        else end = report;
      }
      if (end?.next !== undefined) next ??= { ...end.next, record: end.next.record + before };
      if (next !== undefined && !order.countsAll) break;
      before += end?.records ?? 0;
    }
    yield { kind: 'end', count, next, records: before };
  }

  /** A prompt that isn't among the most repeated ones of a part isn't counted there. */
  async repeated(signal?: Signal): Promise<readonly RepeatedPrompt[] | undefined> {
    const counted = new Map<string, RepeatedPrompt>();
    let before = 0;
    for (const part of this.parts()) {
      const prompts = await part.repeated(signal);
      if (prompts === undefined) return undefined;
      for (const prompt of prompts) {
        const key = `${prompt.length} ${prompt.text}`;
        const { count, number, turn } = counted.get(key) ?? {
          ...prompt,
          count: 0,
          number: prompt.number + before,
        };
        counted.set(key, { ...prompt, number, turn, count: count + prompt.count });
      }
      before += part.total ?? 0;
    }
    return [...counted.values()].sort((a, b) => b.count - a.count).slice(0, REPEATED_PROMPTS_MAX);
  }
}

/** How many bytes a search of the parts from number `from` on reads. */
function bytesAfter(parts: readonly PartCorpus[], from: number): number {
  return parts.slice(from).reduce((sum, { searchedBytes }) => sum + searchedBytes, 0);
}

function addedTo(
  earlier: SearchCount,
  { turns, conversations, read }: SearchCount,
  bytes: number,
): SearchCount {
  return {
    turns: earlier.turns + turns,
    conversations: earlier.conversations + conversations,
    read: earlier.read + read,
    bytes,
  };
}

function totalOf(parts: readonly PartCorpus[]): number | undefined {
  let sum = 0;
  for (const { total } of parts) {
    if (total === undefined) return undefined;
    sum += total;
  }
  return sum;
}

function renumbered({ lines }: ConversationPage, before: number): ConversationPage['lines'] {
  return lines.map((line) => ({ ...line, number: line.number + before }));
}

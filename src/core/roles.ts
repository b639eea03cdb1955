/** The names that datasets give to the roles of a conversation. */

const NAMES = {
  user: ['user', 'human', 'input', 'prompter', 'humanmessage', 'humanmessagechunk'],
  assistant: [
    ...['assistant', 'gpt', 'model', 'chatgpt', 'bot', 'chatbot', 'ai', 'bard', 'bing', 'claude', 'output'],
    ...['aimessage', 'aimessagechunk'],
  ],
  system: ['system', 'developer', 'systemmessage'],
  tool: ['tool', 'function', 'observation', 'ipython', 'toolmessage', 'functionmessage', 'tool_response'],
  function_call: ['function_call'],
};

const KNOWN: ReadonlyMap<string, string> = new Map(
  Object.entries(NAMES).flatMap(([role, names]) => names.map((name) => [name, role])),
);

/** Whose turn it may be. A name that isn't known is an assistant's, and so is a function call. */
export const ROLES = ['assistant', 'user', 'system', 'tool'] as const;
export type Role = (typeof ROLES)[number];

/** The kernel has the same names in `assembly/names.ts`. Without the flag `u`, only ASCII letters match in either case. */
const patternOf = (names: readonly string[]) => new RegExp(`^ *(?:${names.join('|')}) *$`, 'i');
const OTHERS = patternOf([...NAMES.user, ...NAMES.system, ...NAMES.tool]);
const PATTERNS = ROLES.slice(1).map((role) => [role, patternOf(NAMES[role])] as const);

/** The role as OpenAI names it. ShareGPT's `function_call` and unknown names stay as they are. */
export function canonicalRole(name: string): string {
  return knownRole(name) ?? name;
}

/** The role as OpenAI names it, or `function_call`; undefined if the name isn't known. */
export function knownRole(name: unknown): string | undefined {
  return typeof name === 'string' ? KNOWN.get(name.trim().toLowerCase()) : undefined;
}

/**
 * True if a turn with this role is an assistant's: the role isn't known to be a user's, a system's or a tool's. Spaces around the name and
 * the case of its letters don't matter.
 */
export function isAssistant(name: string): boolean {
  return !OTHERS.test(name);
}

/** Whose turn it is that has this name as its role. Spaces around the name and the case of its letters don't matter. */
export function roleOf(name: string): Role {
  return PATTERNS.find(([, pattern]) => pattern.test(name))?.[0] ?? 'assistant';
}

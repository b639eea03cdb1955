import { REPEATED_PROMPTS_MAX } from '../core/limits.js';
import type { ConversationPage, Corpus, RecordedConversation, RepeatedPrompt, Signal } from './corpus.js';

/** A part of a dataset. */
export interface PartCorpus extends Corpus {
  /** The number of records if there are fewer than `record`, or if all are known; undefined if there are at least as many. */
  endBefore(record: number): Promise<number | undefined>;
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

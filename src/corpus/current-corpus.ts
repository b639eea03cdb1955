import { AppError } from '../core/errors.js';
import type { CurrentEvents } from '../lookup/current.js';
import type { ConversationPage, RecordedConversation, RepeatedPrompt, Signal } from './corpus.js';
import type { FileCorpus } from './file-corpus.js';
import type { PartCorpus } from './parts-corpus.js';
import type { SearchOrder, SearchReport } from './search.js';

/** Looks at the current state of a file. What fails because the file was replaced is repeated in the new one. */
export class CurrentCorpus implements PartCorpus {
  private readonly now: () => FileCorpus;
  private readonly events: CurrentEvents;

  /** @param now returns the current state, or throws an AppError if it can't be served */
  constructor(now: () => FileCorpus, events: CurrentEvents) {
    this.now = now;
    this.events = events;
  }

  get total(): number | undefined {
    return this.now().total;
  }

  endBefore(record: number): Promise<number | undefined> {
    return this.within((corpus) => corpus.endBefore(record));
  }

  conversations(from: number, limit: number, signal?: Signal): Promise<ConversationPage> {
    return this.within((corpus) => corpus.conversations(from, limit, signal));
  }

  conversation(number: number, isRaw: boolean, signal?: Signal): Promise<RecordedConversation | undefined> {
    return this.within((corpus) => corpus.conversation(number, isRaw, signal));
  }

  byId(id: string, limit: number, signal?: Signal): Promise<ConversationPage> {
    return this.within((corpus) => corpus.byId(id, limit, signal));
  }

  get searchedBytes(): number {
    return this.now().searchedBytes;
  }

  /** A search that has begun isn't repeated. */
  async *search(order: SearchOrder, signal: AbortSignal): AsyncGenerator<SearchReport, void> {
    try {
      yield* this.now().search(order, signal);
    } catch (error) {
      if (error instanceof AppError) this.events.lookAtFile();
      throw error;
    }
  }

  repeated(signal?: Signal): Promise<readonly RepeatedPrompt[] | undefined> {
    return this.within((corpus) => corpus.repeated(signal));
  }

  private async within<T>(act: (corpus: FileCorpus) => Promise<T>): Promise<T> {
    const asked = this.now();
    try {
      return await act(asked);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) {
        this.events.trapped(error);
        throw new AppError('worker_failed', { cause: error });
      }
      if (!(error instanceof AppError)) throw error;
      this.events.lookAtFile();
      const current = this.now();
      if (current === asked) throw error;
      return act(current);
    }
  }
}

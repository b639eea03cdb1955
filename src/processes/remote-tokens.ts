import type { TokenizerFile } from '../core/tokens.js';
import type { DecodedTokens, EncodeTask, SpelledTokens, TaskResult } from '../workers/tasks.js';
import type { TokenTasks } from '../workers/token-pool.js';
import { ChannelClosed } from './channel.js';
import type { ChildQuestion } from './messages.js';

type Ask = <Answer>(question: ChildQuestion) => Promise<Answer>;

/** The thread of a `tokenizer.json` in the main process: its vocabulary takes much memory, which no other process needs a copy of. */
export class RemoteTokens implements TokenTasks {
  readonly tokenizer: TokenizerFile;
  private readonly ask: Ask;

  /** @param ask asks the main process */
  constructor(tokenizer: TokenizerFile, ask: Ask) {
    this.tokenizer = tokenizer;
    this.ask = ask;
  }

  count(texts: readonly string[]): Promise<TaskResult<readonly number[]>> {
    return this.run('count', texts);
  }

  ends(texts: readonly string[]): Promise<TaskResult<readonly Uint32Array[]>> {
    return this.run('ends', texts);
  }

  encode(task: EncodeTask): Promise<TaskResult<SpelledTokens>> {
    return this.run('encode', task);
  }

  decode(tokens: readonly number[], lengthMax: number): Promise<TaskResult<DecodedTokens>> {
    return this.run('decode', tokens, lengthMax);
  }

  private async run<T>(task: ChildQuestion['task'], ...values: unknown[]): Promise<TaskResult<T>> {
    try {
      return await this.ask<TaskResult<T>>({ task, values });
    } catch (error) {
      if (!(error instanceof ChannelClosed)) throw error;
      return { kind: 'failed', code: 'worker_failed', detail: 'the main process has ended' };
    }
  }
}

import type { Config } from '../settings/table.js';
import type { Outcome } from './endpoint.js';

/** The tokens of the completions that are being answered: those that a KV cache would hold. */
export class TokensInFlight {
  private readonly maxOf: (model: string) => number;
  /** False if no model has a cache. */
  private readonly isOn: boolean;
  private readonly byModel = new Map<string, number>();

  /**
   * @param maxOf returns how many tokens fill the cache of a model, by its id; 0 if it has none
   * @param isOn false if none has one
   */
  constructor(maxOf: (model: string) => number, isOn: boolean) {
    this.maxOf = maxOf;
    this.isOn = isOn;
  }

  /**
   * Counts the tokens of a completion.
   *
   * @returns ends that; further calls do nothing. Undefined if the model has no cache
   */
  hold({ model, usage: { total_tokens } }: Outcome): (() => void) | undefined {
    if (!this.isOn || this.maxOf(model) === 0) return undefined;
    let held = total_tokens;
    this.add(model, held);
    return () => {
      this.add(model, -held);
      held = 0;
    };
  }

  /** How much of the cache of a model is in use: 0 to 1. */
  shareOf(model: string): number {
    const max = this.maxOf(model);
    return max === 0 ? 0 : Math.min(1, (this.byModel.get(model) ?? 0) / max);
  }

  private add(model: string, tokens: number): void {
    this.byModel.set(model, (this.byModel.get(model) ?? 0) + tokens);
  }
}

/** The tokens in flight of models whose caches have the sizes that the settings give. */
export function tokensInFlightOf({ kvCacheTokens, models }: Config): TokensInFlight {
  const isOn = kvCacheTokens > 0 || Object.values(models).some((own) => (own.kvCacheTokens ?? 0) > 0);
  return new TokensInFlight((model) => models[model]?.kvCacheTokens ?? kvCacheTokens, isOn);
}

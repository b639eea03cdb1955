/** The metrics of completions, under the names that users and load generators know of vLLM and SGLang. */

import type { CollectedMetrics, Labelled } from './collected-metrics.js';
import type { Measured } from './measured.js';
import type { CompletionCounts } from './request-metrics.js';

/** The histograms of completions: where they are counted, their names, and their help texts. */
const LATENCIES = [
  [
    'whole',
    ['vllm:e2e_request_latency_seconds', 'sglang:e2e_request_latency_seconds'],
    'Time from the request to the end of the completion.',
  ],
  [
    'firstToken',
    ['vllm:time_to_first_token_seconds', 'sglang:time_to_first_token_seconds'],
    'Time from the request to the first token of the completion.',
  ],
  [
    'interToken',
    ['vllm:inter_token_latency_seconds', 'sglang:inter_token_latency_seconds'],
    'Time between two tokens. The tokens of an answer that is sent at once have its average.',
  ],
  [
    'perToken',
    ['vllm:time_per_output_token_seconds', 'vllm:request_time_per_output_token_seconds'],
    'Average time between the tokens of a completion with several.',
  ],
  [
    'queue',
    ['vllm:request_queue_time_seconds'],
    'Time from the request until it was admitted: it waits while MAX_NUM_SEQS others run.',
  ],
] as const satisfies readonly (readonly [keyof CompletionCounts, readonly string[], string])[];

/** Adds them. */
export function addCompletionMetrics(collected: CollectedMetrics, measured: Measured): void {
  const { metrics, catalog, tokensInFlight } = measured;
  const completions = () =>
    catalog.models.map(({ id }) => ({ labels: { model_name: id }, counts: metrics.completionsOf(id) }));
  for (const [which, names, help] of LATENCIES) {
    const histograms = () =>
      completions().map(({ labels, counts }) => ({ labels, histogram: counts[which] }));
    for (const name of names) collected.latency(name, help, histograms);
  }
  collected.counter('vllm:prompt_tokens_total', 'Tokens of prompts.', ['model_name'], () =>
    completions().map(({ labels, counts }): Labelled => [labels, counts.promptTokens]),
  );
  collected.counter('vllm:generation_tokens_total', 'Tokens of completions.', ['model_name'], () =>
    completions().map(({ labels, counts }): Labelled => [labels, counts.completionTokens]),
  );
  collected.counter(
    'vllm:request_success_total',
    'Completions by finish reason; abort if the client disconnected before the end, error if the answer failed on purpose.',
    ['model_name', 'finished_reason'],
    () =>
      completions().flatMap(({ labels, counts }) =>
        [...counts.finished].map(
          ([reason, count]): Labelled => [{ ...labels, finished_reason: reason }, count],
        ),
      ),
  );
  for (const name of ['vllm:num_requests_running', 'sglang:num_running_reqs']) {
    collected.gauge(
      name,
      'Requests for completions in flight, without those that wait.',
      ['model_name'],
      () => loadsOf(measured).map(({ labels, running }): Labelled => [labels, running]),
    );
  }
  for (const name of ['vllm:num_requests_waiting', 'sglang:num_queue_reqs']) {
    const help = 'Requests that wait: while MAX_NUM_SEQS others run, or for a sweep.';
    collected.gauge(name, help, ['model_name'], () =>
      loadsOf(measured).map(({ labels, waiting }): Labelled => [labels, waiting]),
    );
  }
  collected.gauge(
    'vllm:kv_cache_usage_perc',
    'Tokens of the prompts and completions that are being answered, as a share of KV_CACHE_TOKENS: 0 to 1.',
    ['model_name'],
    () => catalog.models.map(({ id }): Labelled => [{ model_name: id }, tokensInFlight.shareOf(id)]),
  );
}

/** How many requests for completions run, and how many wait. */
interface Load {
  readonly labels: { readonly model_name: string };
  readonly running: number;
  readonly waiting: number;
}

const NO_LOAD = { running: 0, waiting: 0 };

/**
 * The load of each model. Requests that any of several models may answer count for the first. Without MAX_NUM_SEQS, only the load of all
 * models together is known; it has the name of the first.
 */
function loadsOf({ metrics, figures, catalog, delivery }: Measured): readonly Load[] {
  const { datasets } = figures();
  const loadOf = (model: string, inFlight: number, queued: number, swept: number): Load => ({
    labels: { model_name: model },
    running: Math.max(0, inFlight - swept),
    waiting: queued + swept,
  });
  if (delivery.hasCapacity) {
    const any = delivery.capacityOf(undefined);
    return catalog.models.map(({ id }, i) => {
      const { running, waiting } = delivery.capacityOf(id);
      const more = i === 0 ? any : NO_LOAD;
      const swept = datasets.get(id)?.waiting ?? 0;
      return loadOf(id, running + more.running, waiting + more.waiting, swept);
    });
  }
  const swept = [...datasets.values()].reduce((sum, { waiting }) => sum + waiting, 0);
  return [loadOf(catalog.models[0]?.id ?? '', metrics.running, 0, swept)];
}

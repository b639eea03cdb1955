/** The metrics that Prometheus and load generators read. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ServeOptions } from '#dist/index.js';
import type { Lookup } from '#dist/lookup/lookup.js';
import { guardedBy, post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

/** The samples of a text in Prometheus's format, by name and labels. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name = '', value = ''] = /^(.*) (\S+)$/.exec(line) ?? [];
      return [name, Number(value)];
    }),
  );
}

async function metricsOf(url: string): Promise<Map<string, number>> {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return samplesOf(await answer.text());
}

const messages = (content: string) => [{ role: 'user', content }];

const MODEL = 'model_name="dataset"';

/** The metrics, once one of the model has a value. */
async function metricsWith(url: string, name: string, value: number): Promise<Map<string, number>> {
  for (;;) {
    const samples = await metricsOf(url);
    if (samples.get(`${name}{${MODEL}}`) === value) return samples;
  }
}

/** Asks for a completion; returns the number of its tokens. */
async function completionTokensOf(url: string, stream: boolean): Promise<number> {
  const body = { messages: messages('Say it.'), stream, ...(stream && { stream_options: USAGE }) };
  const text = await (await post(`${url}/v1/chat/completions`, body)).text();
  return Number(/"completion_tokens":(\d+)/.exec(text)?.[1]);
}

const USAGE = { include_usage: true };

/** Asks for a completion whose first token comes in an hour. */
function askForever(url: string): AbortController {
  const left = new AbortController();
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-verbatim-delay': 'ttft=3600000' },
    body: JSON.stringify({ messages: messages('Say it.'), stream: true }),
    signal: left.signal,
  }).catch(() => {});
  return left;
}

describe('the metrics', () => {
  it('count requests by path, status and rung', async () => {
    const url = await serveApp(dataset);
    const chat = `${url}/v1/chat/completions`;
    await post(chat, { messages: messages('Say it.') });
    await post(chat, { messages: messages('Say it.') });
    await post(`${url}/chat/completions`, { messages: messages('Say  it.') });
    await post(chat, { messages: messages('nowhere') });
    await post(chat, { messages: 'none' });
    await fetch(`${url}/V1/models/a/b`);
    await fetch(`${url}/v1/responses/resp_1`);
    await fetch(`${url}/${'x'.repeat(50)}`);
    const samples = await metricsOf(url);
    const count = (labels: string) => samples.get(`verbatim_requests_total{${labels}}`);
    const chats = 'route="/v1/chat/completions"';
    expect(count(`${chats},status="200",match="context",model="dataset"`)).toBe(2);
    expect(count(`${chats},status="200",match="normalized",model="dataset"`)).toBe(1);
    expect(count(`${chats},status="404",match="none",model=""`)).toBe(1);
    expect(count(`${chats},status="400",match="",model=""`)).toBe(1);
    expect(count('route="/v1/models/{id}",status="200",match="",model=""')).toBe(1);
    expect(count('route="/v1/responses/{id}",status="404",match="",model=""')).toBe(1);
    expect(count('route="other",status="404",match="",model=""')).toBe(1);
  });

  it('count rejected input, and requests whose client disconnected before the answer', async () => {
    let leave = () => {};
    // The client resets its connection while its prompt is being looked up.
    const lookup: Lookup = {
      isImmediate: false,
      find: (_query, unwanted) =>
        new Promise((_resolve, reject) => {
          const signal = unwanted?.();
          signal?.addEventListener('abort', () => reject(signal.reason));
          leave();
        }),
    };
    const url = await serveApp(dataset, { ...guardedBy('right'), lookup, uncachedLookup: lookup });
    await post(`${url}/v1/chat/completions`, {});
    const headers = { authorization: 'Bearer right', 'content-type': 'application/json' };
    const asked = request(`${url}/v1/chat/completions`, { method: 'POST', headers });
    leave = () => asked.socket?.resetAndDestroy();
    asked.end(JSON.stringify({ messages: messages('nowhere') }));
    await expect(once(asked, 'response')).rejects.toThrow('socket hang up');
    const count = async (status: number) => {
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      const labels = `route="/v1/chat/completions",status="${status}",match="",model=""`;
      return samplesOf(text).get(`verbatim_requests_total{${labels}}`);
    };
    expect(await count(401)).toBe(1);
    while ((await count(499)) === undefined);
    expect(await count(499)).toBe(1);
    expect(await count(200)).toBeUndefined();
  });

  it('have latencies, until the answer begins and until it ends, in buckets that add up', async () => {
    const url = await serveApp(dataset);
    for (const stream of [false, true]) {
      await (await post(`${url}/v1/chat/completions`, { messages: messages('Say it.'), stream })).text();
    }
    await (await post(`${url}/v1/responses`, { input: 'Say it.', stream: true })).text();
    const samples = await metricsOf(url);
    for (const [name, labels, count] of [
      ['verbatim_request_duration_seconds', 'route="/v1/chat/completions"', 2],
      ['verbatim_time_to_first_chunk_seconds', 'route="/v1/responses"', 1],
      ['vllm:e2e_request_latency_seconds', 'model_name="dataset"', 3],
      ['vllm:time_to_first_token_seconds', 'model_name="dataset"', 3],
    ] as const) {
      expect(samples.get(`${name}_count{${labels}}`)).toBe(count);
      expect(samples.get(`${name}_bucket{${labels},le="+Inf"}`)).toBe(count);
      expect(samples.get(`${name}_bucket{${labels},le="60"}`)).toBe(count);
      expect(samples.get(`${name}_sum{${labels}}`)).toBeGreaterThan(0);
    }
  });

  it('have the tokens and ends of completions under the names of vLLM', async () => {
    const url = await serveApp(dataset);
    let prompt = 0;
    let completion = 0;
    const add = async (path: string, body: object) => {
      const { usage } = (await (await post(url + path, body)).json()) as { usage: Record<string, number> };
      prompt += usage.prompt_tokens ?? usage.input_tokens ?? Number.NaN;
      completion += usage.completion_tokens ?? usage.output_tokens ?? Number.NaN;
    };
    await add('/v1/chat/completions', { messages: messages('Say it.') });
    await add('/v1/chat/completions', { messages: messages('Say it.'), n: 3 });
    await add('/v1/completions', { prompt: 'Say it.', max_tokens: 1 });
    await add('/v1/responses', { input: 'Say it.' });
    await post(`${url}/v1/chat/completions`, { messages: messages('nowhere') });
    const samples = await metricsOf(url);
    const model = 'model_name="dataset"';
    expect(samples.get(`vllm:prompt_tokens_total{${model}}`)).toBe(prompt);
    expect(samples.get(`vllm:generation_tokens_total{${model}}`)).toBe(completion);
    expect(samples.get(`vllm:request_success_total{${model},finished_reason="stop"}`)).toBe(3);
    expect(samples.get(`vllm:request_success_total{${model},finished_reason="length"}`)).toBe(1);
    expect(samples.get(`vllm:num_requests_waiting{${model}}`)).toBe(0);
    expect(samples.get(`vllm:num_requests_running{${model}}`)).toBe(0);
  });

  it('count completions whose clients disconnected, but not their tokens', async () => {
    const path = join(temporaryFolder(), 'long.json');
    const turns = [
      { from: 'human', value: 'long' },
      { from: 'gpt', value: 'word '.repeat(200_000) },
    ];
    writeFileSync(path, JSON.stringify([{ conversations: turns }]));
    const url = await serveApp(path);
    const left = new AbortController();
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: messages('long'), stream: true }),
      signal: left.signal,
    });
    await answer.body?.getReader().read();
    expect((await metricsOf(url)).get('vllm:num_requests_running{model_name="dataset"}')).toBe(1);
    left.abort();
    const aborted = 'vllm:request_success_total{model_name="dataset",finished_reason="abort"}';
    while ((await metricsOf(url)).get(aborted) !== 1);
    const samples = await metricsOf(url);
    expect(samples.get('vllm:generation_tokens_total{model_name="dataset"}')).toBe(0);
    expect(samples.get('vllm:num_requests_running{model_name="dataset"}')).toBe(0);
  });

  it.each([
    ['a delayed stream', true, { timeToFirstToken: 200, interTokenLatency: 5 }],
    ['a delayed answer in one piece', false, { timeToFirstToken: 200, interTokenLatency: 5 }],
    ['a stream that is sent at once', true, {}],
    ['an answer that is sent at once', false, {}],
  ])('time the tokens of %s', async (_what, stream, delays: ServeOptions) => {
    const url = await serveApp(dataset, { delays });
    const tokens = await completionTokensOf(url, stream);
    const samples = await metricsWith(url, 'vllm:e2e_request_latency_seconds_count', 1);
    const sum = (name: string) => samples.get(`${name}_sum{${MODEL}}`) ?? Number.NaN;
    const count = (name: string) => samples.get(`${name}_count{${MODEL}}`);
    for (const maker of ['vllm', 'sglang']) {
      const [whole, first] = [`${maker}:e2e_request_latency_seconds`, `${maker}:time_to_first_token_seconds`];
      const gaps = `${maker}:inter_token_latency_seconds`;
      expect([count(whole), count(first), count(gaps)]).toEqual([1, 1, tokens - 1]);
      const early = samples.get(`${first}_bucket{${MODEL},le="0.1"}`);
      if (delays.timeToFirstToken !== undefined) expect(early).toBe(0);
      // All tokens come between the first one and the end.
      expect(sum(gaps)).toBeGreaterThanOrEqual(0);
      expect(sum(first) + sum(gaps)).toBeLessThan(sum(whole) + 1);
    }
    for (const name of ['vllm:time_per_output_token_seconds', 'vllm:request_time_per_output_token_seconds']) {
      const afterFirst = sum('vllm:e2e_request_latency_seconds') - sum('vllm:time_to_first_token_seconds');
      expect(count(name)).toBe(1);
      expect(sum(name) * (tokens - 1)).toBeCloseTo(afterFirst, 6);
    }
    expect([count('vllm:request_queue_time_seconds'), sum('vllm:request_queue_time_seconds')]).toEqual([
      1, 0,
    ]);
  });

  it('are numbers, however soon after another scrape', async () => {
    const url = await serveApp(dataset);
    const pages = await Promise.all([1, 2, 3].map(async () => (await fetch(`${url}/metrics`)).text()));
    for (const page of pages) {
      const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      expect(samples.length).toBeGreaterThan(100);
      expect(samples.filter((line) => !(Math.abs(Number(line.split(' ').at(-1))) < 1e9 * 1e9))).toEqual([]);
    }
  });

  it('time no tokens of a completion that has only one', async () => {
    const url = await serveApp(dataset);
    await (await post(`${url}/v1/completions`, { prompt: 'Say it.', max_tokens: 1 })).text();
    const samples = await metricsWith(url, 'vllm:generation_tokens_total', 1);
    expect(samples.get(`vllm:inter_token_latency_seconds_count{${MODEL}}`)).toBe(0);
    expect(samples.get(`vllm:time_per_output_token_seconds_count{${MODEL}}`)).toBe(0);
  });

  it('have the requests that wait while others run, and how long they waited', async () => {
    const url = await serveApp(dataset, { delays: { maxNumSeqs: 1, allowOverrides: true } });
    const load = async () => {
      const samples = await metricsOf(url);
      const [running, waiting, ...same] = [
        'vllm:num_requests_running',
        'vllm:num_requests_waiting',
        'sglang:num_running_reqs',
        'sglang:num_queue_reqs',
      ].map((name) => samples.get(`${name}{${MODEL}}`));
      expect(same).toEqual([running, waiting]);
      return `${running} running, ${waiting} waiting`;
    };
    const reached = async (state: string) => {
      while ((await load()) !== state);
    };
    const first = askForever(url);
    await reached('1 running, 0 waiting');
    const second = askForever(url);
    await reached('1 running, 1 waiting');
    const third = post(`${url}/v1/chat/completions`, { messages: messages('Say it.') });
    await reached('1 running, 2 waiting');
    first.abort();
    await reached('1 running, 1 waiting');
    second.abort();
    expect((await third).status).toBe(200);
    await reached('0 running, 0 waiting');
    const samples = await metricsWith(url, 'vllm:request_queue_time_seconds_count', 1);
    expect(samples.get(`vllm:request_queue_time_seconds_sum{${MODEL}}`)).toBeGreaterThan(0);
  });

  it('have the tokens in flight, as a share of the cache', async () => {
    const { usage } = (await (
      await post(`${await serveApp(dataset)}/v1/chat/completions`, { messages: messages('Say it.') })
    ).json()) as { usage: { total_tokens: number } };
    const delays = { kvCacheTokens: 2 * usage.total_tokens, allowOverrides: true };
    const url = await serveApp(dataset, { delays });
    const reached = (share: number) => metricsWith(url, 'vllm:kv_cache_usage_perc', share);
    await reached(0);
    const asked = [askForever(url)];
    await reached(0.5);
    asked.push(askForever(url));
    await reached(1);
    asked.push(askForever(url));
    await metricsWith(url, 'vllm:num_requests_running', 3);
    await reached(1);
    for (const one of asked) one.abort();
    await reached(0);
  });

  it('have those of the process', async () => {
    const samples = await metricsOf(await serveApp(dataset));
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(samples.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
  });

  it('have all CPU time of the process, even if first requested late', async () => {
    const url = await serveApp(dataset);
    const { user, system } = process.cpuUsage();
    const samples = await metricsOf(url);
    expect(samples.get('process_cpu_user_seconds_total')).toBeGreaterThanOrEqual(user / 1e6);
    expect(samples.get('process_cpu_system_seconds_total')).toBeGreaterThanOrEqual(system / 1e6);
    const total = samples.get('process_cpu_seconds_total') ?? Number.NaN;
    expect(total).toBeGreaterThanOrEqual((user + system) / 1e6);
    const after = process.cpuUsage();
    // The kernel's accounting of user and system time may go back by some milliseconds.
    expect(total).toBeLessThanOrEqual((after.user + after.system) / 1e6 + 0.1);
  });
});

import type { Response } from 'express';

/** What OpenAI says with every response: the version of its API, and how many ms it took until the response begins. */
export function openaiHeaders({ locals }: Response): Record<string, string> {
  const elapsedMs: unknown = locals.elapsedMs?.();
  return {
    'openai-version': '2020-10-01',
    ...(typeof elapsedMs === 'number' && {
      'openai-processing-ms': String(Math.max(0, Math.round(elapsedMs))),
    }),
  };
}

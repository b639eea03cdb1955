/** What the server is asked in a run, and what it must answer. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../cleanup.js';
import type { Bodies } from './load-generator.js';
import type { Message, Question, Questions } from './questions.js';

/** Requests of one kind. */
export interface Scenario {
  readonly name: ScenarioName;
  readonly path: string;
  readonly bodies: Bodies;
  readonly expectedStatus: number;
  /** True if it is asked of a server with a cache. */
  readonly isCached: boolean;
  /** Some of the requests, to look at the answers. */
  readonly samples: readonly Sample[];
}

/** A request, and the reply that it must get; undefined for a miss. */
export interface Sample {
  readonly body: string;
  readonly isStream: boolean;
  readonly reply: string | undefined;
}

/** Every kind, in the order of the tables. */
export const SCENARIOS = [
  'hit, repeated',
  'hit, all different',
  'miss',
  'hit, streamed',
  '16-turn conversation',
  '20 kB prompt',
] as const;

export type ScenarioName = (typeof SCENARIOS)[number];

/** All of them. */
export type Scenarios = Readonly<Record<ScenarioName, Scenario>>;

const CHAT_PATH = '/v1/chat/completions';
const REPEATED_COUNT = 100;
/** All that are repeated, so that a cache holds them once the answers were looked at. */
const SAMPLE_COUNT = REPEATED_COUNT;

/** Prepares the requests of every kind. */
export function scenariosOf(questions: Questions): Scenarios {
  const { usual, long, conversations } = questions;
  const repeated = usual.slice(0, REPEATED_COUNT);
  return {
    'hit, repeated': hitsOf('hit, repeated', repeated, true),
    'hit, all different': hitsOf('hit, all different', usual, false),
    miss: missesOf(usual),
    'hit, streamed': hitsOf('hit, streamed', repeated, true, { stream: true }),
    '16-turn conversation': hitsOf('16-turn conversation', conversations, false),
    '20 kB prompt': hitsOf('20 kB prompt', long, false),
  };
}

/** Requests for so many prompts of any kind, not found in a cache. */
export function shortScenario({ short }: Questions, count: number): Scenario {
  return hitsOf('hit, all different', short.slice(0, count), false);
}

/** The requests to fill a cache with. */
export function fillingScenario({ short }: Questions): Scenario {
  return hitsOf('hit, all different', short, true);
}

function hitsOf(
  name: ScenarioName,
  questions: readonly Question[],
  isCached: boolean,
  parameters: { readonly stream?: true } = {},
): Scenario {
  const isStream = parameters.stream === true;
  const all = questions.map(({ messages, reply }) => ({
    body: bodyOf(messages, parameters),
    isStream,
    reply,
  }));
  return scenarioOf(name, all, isCached, 200);
}

function missesOf(questions: readonly Question[]): Scenario {
  const all = questions.map(({ messages }) => {
    const changed = messages.map(({ role, content }) => ({ role, content: `${content} and no more` }));
    return { body: bodyOf(changed, {}), isStream: false, reply: undefined };
  });
  return scenarioOf('miss', all, false, 404);
}

function scenarioOf(
  name: ScenarioName,
  all: readonly Sample[],
  isCached: boolean,
  expectedStatus: number,
): Scenario {
  if (all.length === 0) throw new Error(`${name}: the dataset is too small to have any`);
  const path = join(temporaryFolder(), 'bodies.jsonl');
  const text = all.map(({ body }) => `${body}\n`).join('');
  writeFileSync(path, text);
  const bodies = { path, count: all.length, meanBytes: Buffer.byteLength(text) / all.length - 1 };
  return { name, path: CHAT_PATH, bodies, expectedStatus, isCached, samples: all.slice(0, SAMPLE_COUNT) };
}

function bodyOf(messages: readonly Message[], parameters: object): string {
  return JSON.stringify({ model: 'm', messages, ...parameters });
}

/** The requests of a run, and their expected replies. */

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
  /** True if the server needs a cache. */
  readonly isCached: boolean;
  /** Some of the requests, to check the answers. */
  readonly samples: readonly Sample[];
}

/** A request and its expected reply; undefined for a miss. */
export interface Sample {
  readonly body: string;
  readonly parameters: Parameters;
  readonly reply: string | undefined;
}

/** The request's fields besides `model` and `messages`. */
interface Parameters {
  readonly stream?: true;
  readonly stream_options?: { readonly include_usage: true };
}

/** Every kind, in the order of the tables. */
export const SCENARIOS = [
  'hit, repeated',
  'hit, all different',
  'miss',
  'hit, streamed',
  'hit, streamed, all different',
  'hit, streamed, 8 kB',
  'hit, streamed, usage',
  '16-turn conversation',
  '20 kB prompt',
] as const;

export type ScenarioName = (typeof SCENARIOS)[number];

/** All of them. */
export type Scenarios = Readonly<Record<ScenarioName, Scenario>>;

const CHAT_PATH = '/v1/chat/completions';
const STREAM: Parameters = { stream: true };
const STREAM_WITH_USAGE: Parameters = { stream: true, stream_options: { include_usage: true } };
const REPEATED_COUNT = 100;
/** All repeated requests, so that a cache holds them once the answers were checked. */
const SAMPLE_COUNT = REPEATED_COUNT;

/** Prepares the requests of every kind. */
export function scenariosOf(questions: Questions): Scenarios {
  const { usual, long, longReplies, conversations } = questions;
  const repeated = usual.slice(0, REPEATED_COUNT);
  return {
    'hit, repeated': hitsOf('hit, repeated', repeated, true),
    'hit, all different': hitsOf('hit, all different', usual, false),
    miss: missesOf(usual),
    'hit, streamed': hitsOf('hit, streamed', repeated, true, STREAM),
    'hit, streamed, all different': hitsOf('hit, streamed, all different', usual, false, STREAM),
    'hit, streamed, 8 kB': hitsOf('hit, streamed, 8 kB', longReplies, false, STREAM),
    'hit, streamed, usage': hitsOf('hit, streamed, usage', usual, false, STREAM_WITH_USAGE),
    '16-turn conversation': hitsOf('16-turn conversation', conversations, false),
    '20 kB prompt': hitsOf('20 kB prompt', long, false),
  };
}

/** Requests for this number of usual prompts, whole and streamed; none is in a cache. */
export function besideScenarios({ usual }: Questions, count: number): readonly Scenario[] {
  const questions = usual.slice(0, count);
  return [
    hitsOf('hit, all different', questions, false),
    hitsOf('hit, streamed, all different', questions, false, STREAM),
  ];
}

/** Requests for this number of prompts of any kind; none is in a cache. */
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
  parameters: Parameters = {},
): Scenario {
  const all = questions.map(({ messages, reply }) => ({
    body: bodyOf(messages, parameters),
    parameters,
    reply,
  }));
  return scenarioOf(name, all, isCached, 200);
}

/** Prompts as long as those of the hits: the cost of a miss over that of a hit must not depend on the length. */
function missesOf(questions: readonly Question[]): Scenario {
  const all = questions.map(({ messages }) => {
    const changed = messages.map(({ role, content }) => ({ role, content: unknownPrompt(content) }));
    return { body: bodyOf(changed, {}), parameters: {}, reply: undefined };
  });
  return scenarioOf('miss', all, false, 404);
}

/** The prompt with its number, which makes generated prompts unique, overwritten. */
function unknownPrompt(content: string): string {
  return content.replace(/\d+$/, (number) => 'x'.repeat(number.length));
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

function bodyOf(messages: readonly Message[], parameters: Parameters): string {
  return JSON.stringify({ model: 'm', messages, ...parameters });
}

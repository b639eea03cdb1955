import type { Sample, Scenario } from './scenarios.js';

/** The fields of a completion or a chunk that are checked. */
interface Completion {
  readonly choices: readonly {
    readonly message?: { content: string };
    readonly delta?: { content?: string };
  }[];
  readonly usage?: { readonly completion_tokens?: number } | null;
}

/** A response, read to its end. */
interface Answer {
  readonly status: number;
  /** The header `x-verbatim-match`, which only our server sends. */
  readonly match: string | null;
  readonly text: string;
}

/** True if the answer is what a server must send for the sample. */
type Expectation = (answer: Answer, sample: Sample) => boolean;

/**
 * Sends some of a scenario's requests to our server and compares the replies with the dataset's.
 *
 * @throws Error if a reply or `x-verbatim-match` is not as recorded
 */
export async function checkScenario(scenario: Scenario, url: string): Promise<void> {
  await check(scenario, url, (answer, sample) => {
    const isHit = answer.match === 'context' || answer.match === 'prompt';
    return isHit === (sample.reply !== undefined) && isRecorded(scenario, answer, sample);
  });
}

/**
 * The same for another server that looks prompts up in the dataset.
 *
 * @throws Error if a reply is not as recorded
 */
export async function checkReplies(scenario: Scenario, url: string): Promise<void> {
  await check(scenario, url, (answer, sample) => isRecorded(scenario, answer, sample));
}

/**
 * The same for a server that sends one fixed completion.
 *
 * @throws Error if an answer is not a completion
 */
export async function checkPeer(scenario: Scenario, url: string): Promise<void> {
  await check(scenario, url, ({ status, text }, sample) => status === 200 && !!replyIn(text, sample));
}

/** Sends all samples at once: under the sweep engine they share their sweeps. */
async function check(scenario: Scenario, url: string, isExpected: Expectation): Promise<void> {
  await Promise.all(
    scenario.samples.map(async (sample) => {
      const answer = await post(`${url}${scenario.path}`, sample.body);
      if (isExpected(answer, sample)) return;
      const { status, match, text } = answer;
      throw new Error(
        `${scenario.name}: unexpected answer: ${url}, status ${status}, match ${match}: ${text}`,
      );
    }),
  );
}

function isRecorded({ expectedStatus }: Scenario, { status, text }: Answer, sample: Sample): boolean {
  if (status !== expectedStatus) return false;
  return sample.reply === undefined || replyIn(text, sample) === sample.reply;
}

async function post(url: string, body: string): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const { status, headers } = response;
  return { status, match: headers.get('x-verbatim-match'), text: await response.text() };
}

/** The reply in a completion or a stream; undefined if the stream is truncated or lacks the usage that was requested. */
function replyIn(text: string, { parameters }: Sample): string | undefined {
  if (!parameters.stream) return (JSON.parse(text) as Completion).choices[0]?.message?.content;
  const events = text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''));
  if (events.pop() !== '[DONE]') return undefined;
  const chunks = events.map((event) => JSON.parse(event) as Completion);
  const hasUsage = chunks.at(-1)?.usage?.completion_tokens !== undefined;
  if (hasUsage !== (parameters.stream_options !== undefined)) return undefined;
  return chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join('');
}

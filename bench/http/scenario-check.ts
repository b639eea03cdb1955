import type { Sample, Scenario } from './scenarios.js';

/** What of an answer is looked at. */
interface Answer {
  readonly choices: readonly {
    readonly message?: { content: string };
    readonly delta?: { content?: string };
  }[];
}

/**
 * Asks for some of a scenario's requests, to know that what is measured is what its name says.
 *
 * @param url where a server of ours listens
 * @throws Error if an answer is not the dataset's
 */
export async function checkScenario(scenario: Scenario, url: string): Promise<void> {
  // All at once: they share their sweeps.
  await Promise.all(scenario.samples.map((sample) => checkSample(scenario, sample, url)));
}

/**
 * The same for a server that answers all alike.
 *
 * @throws Error if the answer is no completion
 */
export async function checkPeer(scenario: Scenario, url: string): Promise<void> {
  for (const sample of scenario.samples) {
    const answer = await post(`${url}${scenario.path}`, sample.body);
    const text = await answer.text();
    if (answer.status !== 200 || !replyIn(text, sample))
      throw new Error(`${url}: no completion: status ${answer.status}: ${text}`);
  }
}

async function checkSample(scenario: Scenario, sample: Sample, url: string): Promise<void> {
  const answer = await post(`${url}${scenario.path}`, sample.body);
  const text = await answer.text();
  const match = answer.headers.get('x-verbatim-match');
  const isHit = match === 'context' || match === 'prompt';
  const { status } = answer;
  const isExpected = status === scenario.expectedStatus && isHit === (sample.reply !== undefined);
  if (!isExpected || (isHit && replyIn(text, sample) !== sample.reply))
    throw new Error(`${scenario.name}: not the recorded answer: status ${status}, match ${match}: ${text}`);
}

function post(url: string, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}

/** The text of a completion or of a stream that came to its end. */
function replyIn(text: string, { isStream }: Sample): string | undefined {
  if (!isStream) return (JSON.parse(text) as Answer).choices[0]?.message?.content;
  const events = text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''));
  if (events.pop() !== '[DONE]') return undefined;
  return events.map((event) => (JSON.parse(event) as Answer).choices[0]?.delta?.content ?? '').join('');
}

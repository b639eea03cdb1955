/**
 * The servers of the chart. Those of others aren't dependencies: the run measures what it finds in PATH, and says what it hasn't found.
 *
 * aimock: `npm install --prefix /tmp/aimock @copilotkit/aimock`, then `PATH=/tmp/aimock/node_modules/.bin:$PATH`.
 * llm-d-inference-sim: `go install github.com/llm-d/llm-d-inference-sim/cmd/llm-d-inference-sim@latest`, then `PATH=$(go env GOPATH)/bin:$PATH`.
 */

import { accessSync, constants, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../cleanup.js';
import type { PreparedDataset } from '../http/prepared-dataset.js';
import type { Question } from '../http/questions.js';
import { checkPeer, checkReplies, checkScenario } from '../http/scenario-check.js';
import type { Scenario } from '../http/scenarios.js';
import { type ServerCommand, verbatim } from '../server.js';

/** A server of the chart. */
export interface BesideServer {
  readonly name: string;
  readonly command: ServerCommand;
  /** Rejects if the server at `url` sends a wrong answer to one of the scenario's samples. */
  readonly check: (scenario: Scenario, url: string) => Promise<void>;
}

/** The servers of a run, and what is missing. */
export interface FoundServers {
  readonly servers: readonly BesideServer[];
  /** The names of programs that PATH doesn't have. */
  readonly missing: readonly string[];
}

/** More than the connections of a run. */
const SIMULATED_AT_ONCE = 1024;
/** In tokens: the prompts of a run have some fifty, the replies of the simulator at most 128. */
const SIMULATED_CONTEXT = 8192;

/**
 * The servers that can be started here.
 *
 * @param questions the prompts that are sent: aimock gets only these as fixtures, since it compares a request with one after the other
 */
export async function foundServers(
  { path, indexFlags }: PreparedDataset,
  questions: readonly Question[],
): Promise<FoundServers> {
  const own: BesideServer[] = [
    {
      name: 'verbatim',
      command: verbatim(path, ['--engine', 'index', ...indexFlags]),
      check: checkScenario,
    },
    {
      name: 'node:http with a Map',
      command: {
        args: [fileURLToPath(new URL('../http/servers/node-http-map.js', import.meta.url)), path],
      },
      check: checkReplies,
    },
  ];
  const peers = [
    { program: 'llm-d-inference-sim', args: simulatorArgs, check: checkPeer },
    { program: 'llmock', args: (port: number) => aimockArgs(port, questions), check: checkReplies },
  ];
  const servers = [...own];
  const missing: string[] = [];
  for (const { program, args, check } of peers) {
    const name = NAMES[program] ?? program;
    const found = inPath(program);
    if (found === undefined) missing.push(name);
    else {
      const port = await freePort();
      servers.push({ name, command: { program: found, args: args(port), port }, check });
    }
  }
  return { servers, missing };
}

/** What a program's project is called. */
const NAMES: Readonly<Record<string, string>> = { llmock: 'aimock' };

function simulatorArgs(port: number): string[] {
  const atOnce = String(SIMULATED_AT_ONCE);
  return [
    ...['--port', String(port), '--model', 'm', '--max-num-seqs', atOnce],
    ...['--max-model-len', String(SIMULATED_CONTEXT)],
  ];
}

function aimockArgs(port: number, questions: readonly Question[]): string[] {
  const fixtures = questions.map(({ messages, reply }) => ({
    match: { userMessage: messages.at(-1)?.content },
    response: { content: reply },
  }));
  const path = join(temporaryFolder(), 'fixtures.json');
  writeFileSync(path, JSON.stringify({ fixtures }));
  return ['--port', String(port), '--fixtures', path, '--log-level', 'silent'];
}

/** The path of a program that PATH has. */
function inPath(program: string): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

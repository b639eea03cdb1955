/** The lines that the server prints for the person who started it. */

import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { counted } from '../core/counted.js';
import { SIGNAL_AGAIN_MS } from '../core/limits.js';
import { shellWord } from '../core/shell-word.js';
import type { Counts } from '../dataset/counts.js';
import type { ApiKeys } from './api-keys.js';
import { curlCommand, KEY_WORD, modelsCommand } from './example-request.js';

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** The address as a URL. */
export function urlOf({ address, port, family }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** The URL for clients on this machine. If the server listens on all addresses, it has the loopback address. */
export function clientUrlOf({ address, port, family }: AddressInfo): string {
  const reachable = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return urlOf({ address: reachable, port, family });
}

/**
 * What is served, and how. Counts are omitted until they are known.
 *
 * @param model its name, if there are several
 * @param engine the engine that answers now; `auto` is a setting only
 */
export function servingLine(
  model: string | undefined,
  path: string,
  bytes: number,
  workers: number,
  engine: string,
  counts?: Counts,
): string {
  const parts = [
    sizeText(bytes),
    ...(counts === undefined ? [] : [countsText(counts)]),
    counted(workers, 'worker'),
    `engine in use: ${engine}`,
  ];
  const named = model === undefined ? path : `${model} from ${path}`;
  return `verbatim serves ${named}: ${parts.join(', ')}`;
}

/** The size of a dataset. */
export function countsText({ conversations, turns }: Pick<Counts, 'conversations' | 'turns'>): string {
  return `${counted(conversations, 'conversation')}, ${counted(turns, 'turn')}`;
}

/**
 * A command that sends a request the server can answer.
 *
 * @param example a prompt that has a reply, if one is known
 * @param keys if a key is needed, the command reads it from the file of keys, or else from the variable `API_KEY`: it isn't printed
 */
export function tryLine(
  address: AddressInfo,
  example: string | undefined,
  { areNone, file }: Pick<ApiKeys, 'areNone' | 'file'>,
): string {
  const url = clientUrlOf(address);
  const given = file === undefined ? KEY_WORD : `$(head -n1 ${shellWord(resolve(file))})`;
  const key = areNone ? undefined : given;
  const command = example === undefined ? modelsCommand(url, key) : curlCommand(url, example, key);
  return `${key === KEY_WORD ? 'try, with API_KEY set to a key' : 'try'}: ${command}`;
}

/** The fields of the log line about a stop. */
export interface Stopping {
  readonly signal: string;
  /** Requests in flight. */
  readonly inFlight: number;
  readonly drainMs: number;
}

/**
 * The log line about a stop, as text. It says what another signal does, unless no request is in flight: then the server usually ends before
 * another signal counts.
 */
export function stoppingText({ signal, inFlight, drainMs }: Stopping): string {
  if (inFlight === 0) return 'stopping: no requests in flight';
  const again = `another ${signalName(signal)} after ${SIGNAL_AGAIN_MS / 1000} s exits at once`;
  const wait = `waiting up to ${Math.ceil(drainMs / 1000)} s for them to finish`;
  return `stopping: ${counted(inFlight, 'request')} in flight; ${wait}; ${again}`;
}

/**
 * Why the process ends though requests may be in flight.
 *
 * @param inFlight requests in flight
 */
export function abortedText(signal: string, inFlight: number): string {
  return `ended by a second ${signalName(signal)}; ${counted(inFlight, 'request')} aborted`;
}

/** A signal as people send it. */
function signalName(signal: string): string {
  return signal === 'SIGINT' ? 'Ctrl-C' : signal;
}

/** Three digits and a unit; exact below 1000 bytes. */
export function sizeText(bytes: number): string {
  let power = 0;
  let value = bytes;
  while (Number(value.toPrecision(3)) >= 1000 && power < UNITS.length - 1) {
    value /= 1000;
    power++;
  }
  return `${power === 0 ? bytes : Number(value.toPrecision(3))} ${UNITS[power]}`;
}

import type { IncomingHttpHeaders } from 'node:http';
import type { UpstreamFormat } from '../core/recording.js';

/** A request, as an upstream gets it. */
export interface UpstreamCall {
  readonly format: UpstreamFormat;
  readonly headers: IncomingHttpHeaders;
  /** The body as the client sent it. */
  readonly bytes: Buffer;
  /** The same, parsed. */
  readonly body: object;
  /** False once the client has left. */
  readonly isOpen: () => boolean;
}

/** The formats of the operations whose requests an upstream can answer. */
const FORMATS: ReadonlyMap<string, UpstreamFormat> = new Map([
  ['createChatCompletion', 'chat'],
  ['createCompletion', 'completions'],
  ['createResponse', 'responses'],
  ['createMessage', 'messages'],
]);

/** The format of an operation's requests; undefined if no upstream can answer them. */
export function upstreamFormatOf(operation: string | undefined): UpstreamFormat | undefined {
  return operation === undefined ? undefined : FORMATS.get(operation);
}

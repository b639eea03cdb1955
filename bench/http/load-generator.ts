/** A load generator: sends requests as fast as they are answered. */
export interface LoadGenerator {
  readonly name: string;
  /** The name, and a note about its numbers. */
  readonly description: string;
  /**
   * Keeps connections busy for a while.
   *
   * @throws Error if an answer has another status than is expected, or a connection fails
   */
  run(target: Target): Promise<Load>;
}

/** The requests to send. */
export interface Target {
  /** Includes the path. Requests are POST. */
  readonly url: string;
  readonly bodies: Bodies;
  /** Which body is sent first; the others follow in turn. */
  readonly first: number;
  readonly connections: number;
  /** A whole number. */
  readonly seconds: number;
  readonly expectedStatus: number;
}

/** JSON texts in a file, one a line. */
export interface Bodies {
  readonly path: string;
  readonly count: number;
  readonly meanBytes: number;
}

/** The result of a run. */
export interface Load {
  /** Answered requests. */
  readonly requests: number;
  readonly seconds: number;
  /** From the request to the end of its answer. */
  readonly latency: Latency;
}

/** In milliseconds. */
export interface Latency {
  readonly mean: number;
  readonly p50: number;
  readonly p975: number;
  readonly p99: number;
  readonly max: number;
}

/** Errors of a run, by kind. */
export type Failures = Readonly<Record<string, number>>;

/** @throws Error if anything failed, or no request was answered */
export function assertClean(target: Target, requests: number, failures: Failures): void {
  const wrong = Object.entries(failures).filter(([, count]) => count > 0);
  if (wrong.length === 0 && requests > 0) return;
  const counts = wrong.map(([kind, count]) => `${kind}: ${count}`).join(', ');
  throw new Error(
    `${target.url}, status ${target.expectedStatus} expected: ${requests} answers; ${counts || 'no failures'}`,
  );
}

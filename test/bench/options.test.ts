import { describe, expect, it } from 'vitest';
import { readOptions } from '../../bench/options.js';

describe('the options of the benchmark', () => {
  it('measure everything on 678 MB by default', () => {
    expect(readOptions([])).toEqual({
      kind: 'measure',
      engine: true,
      http: true,
      badClients: false,
      bodies: false,
      delivery: false,
      rollingRestart: false,
      threads: false,
      store: false,
      recording: false,
      growing: false,
      tokens: false,
      limits: false,
      beside: false,
      quick: false,
      large: false,
      sizeMegabytes: 678,
      rounds: 3,
      seconds: 20,
      generator: 'autocannon',
      before: undefined,
    });
    expect(readOptions(['http', '--quick'])).toMatchObject({ engine: false, sizeMegabytes: 10 });
    expect(readOptions(['http', '--quick', '--size', '678'])).toMatchObject({ sizeMegabytes: 678 });
    expect(readOptions(['delivery', '--before', 'v0.2.0'])).toMatchObject({
      engine: false,
      http: false,
      delivery: true,
      before: 'v0.2.0',
    });
  });

  it.each([
    [
      ['https'],
      "expected nothing, 'engine', 'http', 'bad-clients', 'bodies', 'delivery', 'recording', 'rolling-restart', 'threads', 'store', 'scale', 'growing', 'tokens', 'limits', 'charts' or 'compare A B', got 'https'",
    ],
    [['engine', 'http'], "got 'engine' 'http'"],
    [['engine', '--quick'], "--quick: expected after 'http' or 'delivery' or 'charts'"],
    [['http', '--before', 'a'], "--before: expected after 'delivery' or 'limits', without --quick"],
    [
      ['delivery', '--quick', '--before', 'a'],
      "--before: expected after 'delivery' or 'limits', without --quick",
    ],
    [['limits'], 'limits: expected --before COMMIT'],
    [['--sise', '3'], "Unknown option '--sise'; expected --size, --rounds"],
    [['--size', '1.5'], "--size: expected a whole number from 1 on, got '1.5'"],
    [['--rounds', '0'], "--rounds: expected a whole number from 1 on, got '0'"],
    [['--with', 'ab'], "--with: expected autocannon or wrk, got 'ab'"],
    [['compare', 'a'], "compare: expected two commits or two results files, got 'a'"],
  ])('are rejected with one line: %j', (args, problem) => {
    const read = () => readOptions(args);
    expect(read).toThrow(expect.objectContaining({ name: 'UsageError' }));
    expect(read).toThrow(problem);
    expect(read).not.toThrow(/\n/);
  });
});

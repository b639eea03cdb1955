import { describe, expect, it } from 'vitest';
import { AppError } from '#dist/core/errors.js';
import { UPSTREAM_ANSWER_BYTES_MAX } from '#dist/core/limits.js';
import { Exchange, type Following } from '#dist/upstream/exchange.js';

/** An exchange, and what it asks of its source. */
function exchangeOf(now?: () => number) {
  const acts: string[] = [];
  const source = {
    pause: () => acts.push('pause'),
    resume: () => acts.push('resume'),
    abort: () => acts.push('abort'),
  };
  return { exchange: new Exchange(source, now), acts };
}

/** Follows, and notes the texts and the end. `takes` says after how many chunks to pause. */
function follow(exchange: Exchange, takes = Number.POSITIVE_INFINITY) {
  const came: unknown[] = [];
  const following = exchange.follow({
    onChunk: (chunk) => {
      came.push(chunk.length > 100 ? chunk.length : `${chunk}`);
      return came.length < takes;
    },
    onEnd: (isWhole) => came.push(isWhole),
  });
  return { came, ...following };
}

const add = (exchange: Exchange, ...texts: string[]) => {
  for (const text of texts) exchange.add(Buffer.from(text));
};

describe('followers of an answer', () => {
  it('get each chunk as it comes, and the end', () => {
    const { exchange } = exchangeOf();
    const { came } = follow(exchange);
    add(exchange, 'a');
    expect(came).toEqual(['a']);
    add(exchange, 'b');
    expect(came).toEqual(['a', 'b']);
    exchange.complete();
    expect(came).toEqual(['a', 'b', true]);
  });

  it('get all of it if they come late, even after its end', () => {
    const { exchange } = exchangeOf();
    add(exchange, 'a');
    const late = follow(exchange);
    expect(late.came).toEqual(['a']);
    add(exchange, 'b');
    exchange.complete();
    expect(late.came).toEqual(['a', 'b', true]);
    expect(follow(exchange).came).toEqual(['a', 'b', true]);
  });

  it('pause, go on where they were, and delay no other', () => {
    const { exchange, acts } = exchangeOf();
    const [slow, fast] = [follow(exchange, 1), follow(exchange)];
    add(exchange, 'a', 'b');
    exchange.complete();
    expect(fast.came).toEqual(['a', 'b', true]);
    expect(slow.came).toEqual(['a']);
    slow.resume();
    expect(slow.came).toEqual(['a', 'b']);
    slow.resume();
    expect(slow.came).toEqual(['a', 'b', true]);
    slow.resume();
    expect(slow.came).toEqual(['a', 'b', true]);
    expect(acts).toEqual([]);
  });

  it('stop, also while they get a chunk', () => {
    const { exchange } = exchangeOf();
    const stopped = follow(exchange);
    add(exchange, 'a');
    stopped.stop();
    const came: string[] = [];
    const within: Following = exchange.follow({
      onChunk: (chunk) => {
        came.push(`${chunk}`);
        if (`${chunk}` === 'b') within.stop();
        return true;
      },
      onEnd: () => came.push('end'),
    });
    add(exchange, 'b', 'c');
    exchange.complete();
    expect([stopped.came, came]).toEqual([['a'], ['a', 'b']]);
  });

  it('get one chunk after the other, though they resume while they get one', () => {
    const { exchange } = exchangeOf();
    const came: string[] = [];
    const eager: Following = exchange.follow({
      onChunk: (chunk) => {
        came.push(`begin ${chunk}`);
        if (`${chunk}` === 'a') add(exchange, 'b');
        eager.resume();
        came.push(`end ${chunk}`);
        return true;
      },
      onEnd: () => {},
    });
    add(exchange, 'a');
    expect(came).toEqual(['begin a', 'end a', 'begin b', 'end b']);
  });

  it('may end the answer while they get a chunk', () => {
    const { exchange, acts } = exchangeOf();
    const came: unknown[] = [];
    exchange.follow({
      onChunk: () => {
        exchange.abort();
        return true;
      },
      onEnd: (isWhole) => came.push(isWhole),
    });
    const other = follow(exchange);
    add(exchange, 'a', 'b');
    expect([came, other.came, acts]).toEqual([[false], ['a', false], ['abort']]);
  });

  it('get what came of an answer that is cut', async () => {
    const { exchange, acts } = exchangeOf();
    const { came } = follow(exchange);
    add(exchange, 'a');
    exchange.fail(new AppError('upstream_timeout'));
    exchange.fail(new AppError('upstream_unreachable'));
    add(exchange, 'b');
    exchange.complete();
    expect(came).toEqual(['a', false]);
    expect(follow(exchange).came).toEqual(['a', false]);
    expect(acts).toEqual(['abort']);
    await expect(exchange.head).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(await exchange.ended).toMatchObject({ isWhole: false, failure: { code: 'upstream_timeout' } });
  });
});

describe('an answer', () => {
  it('has its chunks and their times, whether or not it is followed', async () => {
    let time = 1000;
    const { exchange } = exchangeOf(() => time);
    exchange.begin({ status: 200, headers: ['a', 'b'] });
    for (const text of ['a', 'b']) {
      time += 5;
      add(exchange, text);
    }
    exchange.complete();
    expect(await exchange.head).toEqual({ status: 200, headers: ['a', 'b'] });
    const chunks = [Buffer.from('a'), Buffer.from('b')];
    expect(await exchange.ended).toEqual({ isWhole: true, failure: undefined, chunks, atMs: [5, 10] });
  });
});

describe('an answer that is too long to keep', () => {
  const HALF = Buffer.alloc(UPSTREAM_ANSWER_BYTES_MAX / 2);

  it('is passed on to those who follow it, and no other can join', async () => {
    const { exchange } = exchangeOf();
    const { came } = follow(exchange);
    exchange.add(HALF);
    exchange.add(HALF);
    expect(exchange.isKept).toBe(true);
    add(exchange, 'a');
    expect(exchange.isKept).toBe(false);
    expect(follow(exchange).came).toEqual([false]);
    exchange.add(HALF);
    add(exchange, 'b');
    exchange.complete();
    expect(came).toEqual([HALF.length, HALF.length, 'a', HALF.length, 'b', true]);
    expect(await exchange.ended).toEqual({ isWhole: true, failure: undefined, chunks: [], atMs: [] });
  });

  it('comes no faster than its slowest follower reads', () => {
    const { exchange, acts } = exchangeOf();
    const [slow, fast] = [follow(exchange, 1), follow(exchange)];
    for (let i = 0; i < 3; i++) exchange.add(HALF);
    expect(acts).toEqual([]);
    add(exchange, 'a');
    expect(acts).toEqual(['pause']);
    slow.resume();
    expect(slow.came).toEqual([HALF.length, HALF.length]);
    expect(acts).toEqual(['pause', 'resume']);
    exchange.add(HALF);
    expect(acts).toEqual(['pause', 'resume', 'pause']);
    slow.stop();
    expect(acts).toEqual(['pause', 'resume', 'pause', 'resume']);
    exchange.complete();
    expect(fast.came).toEqual([HALF.length, HALF.length, HALF.length, 'a', HALF.length, true]);
  });

  it('has all chunks for a follower that stops another one', () => {
    const { exchange } = exchangeOf();
    const slow = follow(exchange, 1);
    const came: unknown[] = [];
    exchange.follow({
      onChunk: (chunk) => {
        came.push(chunk.length);
        if (came.length === 4) slow.stop();
        return true;
      },
      onEnd: (isWhole) => came.push(isWhole),
    });
    for (let i = 0; i < 3; i++) exchange.add(HALF);
    add(exchange, 'a', 'b');
    exchange.complete();
    expect(came).toEqual([HALF.length, HALF.length, HALF.length, 1, 1, true]);
  });

  it('is ended once it is not followed', async () => {
    const { exchange, acts } = exchangeOf();
    const { stop } = follow(exchange);
    for (let i = 0; i < 3; i++) exchange.add(HALF);
    stop();
    expect(acts).toEqual(['abort']);
    expect(await exchange.ended).toMatchObject({ isWhole: false, chunks: [] });
  });
});

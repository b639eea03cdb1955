import { Agent, get } from 'node:http';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ListenError, Listener } from '#dist/server/listener.js';
import { urlOf } from '#dist/server/start-lines.js';

async function listen(): Promise<{ listener: Listener; url: string }> {
  const listener = new Listener(express().get('/', (_request, response) => response.send('here')));
  return { listener, url: urlOf(await listener.listen('127.0.0.1', 0)) };
}

/** The `connection` header of an answer, and whether the request went over a connection that stood already. */
function ask(url: string, agent: Agent): Promise<{ connection: string | undefined; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent }, (response) => {
      response.resume().on('end', () => {
        resolve({ connection: response.headers.connection, reused: asked.reusedSocket });
      });
    });
    asked.on('error', reject);
  });
}

describe('a listener that stops', () => {
  it('still answers a request that was on its way on a connection at rest, as the last one', async () => {
    const { listener, url } = await listen();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    expect(await ask(url, agent)).toEqual({ connection: 'keep-alive', reused: false });
    const stopped = listener.stop();
    expect(await ask(url, agent)).toEqual({ connection: 'close', reused: true });
    await stopped;
    await expect(ask(url, agent)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('a listener that cannot listen', () => {
  it('says which address, and what to do', async () => {
    const { listener, url } = await listen();
    onTestFinished(() => listener.stop());
    const port = Number(new URL(url).port);
    const second = new Listener(express()).listen('127.0.0.1', port);
    await expect(second).rejects.toThrow(ListenError);
    await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: the port is in use`);
    await expect(new Listener(express()).listen('192.0.2.1', 0)).rejects.toThrow('--host');
  });
});

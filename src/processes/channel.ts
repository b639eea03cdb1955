import type { Socket } from 'node:net';

/** The process at the other end of a channel: a child of this one, or its parent. */
export interface Peer {
  readonly connected?: boolean;
  send?(message: unknown, handle?: Socket, options?: object, done?: (error: Error | null) => void): boolean;
  on(event: 'message', receive: (message: unknown, handle?: unknown) => void): unknown;
  on(event: 'disconnect', end: () => void): unknown;
}

/** A question, its answer, or a message that needs none. */
type Envelope =
  | { readonly kind: 'note'; readonly body: unknown }
  | { readonly kind: 'question'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly body: unknown };

/** What a channel does with what arrives. */
export interface Receivers<Note, Question> {
  /** @param socket a connection that was handed over; undefined if it has ended meanwhile */
  readonly note: (note: Note, socket: Socket | undefined) => void;
  /** @returns the answer */
  readonly question: (question: Question) => Promise<unknown>;
}

/** The other process has ended, or is ending. */
export class ChannelClosed extends Error {
  override readonly name = 'ChannelClosed';
}

/**
 * Notes, questions and connections between two processes, in order. Everything that `structuredClone` copies may be sent, if both were
 * connected with `serialization: 'advanced'`.
 */
export class Channel<Sent, Asked, Received, Question> {
  private readonly peer: Peer;
  private readonly waiting = new Map<number, (outcome: unknown) => void>();
  private count = 0;
  private isClosed = false;

  constructor(peer: Peer, receivers: Receivers<Received, Question>) {
    this.peer = peer;
    peer.on('message', (message, handle) => void this.receive(message as Envelope, handle, receivers));
    peer.on('disconnect', () => this.close());
  }

  /** Sends a note; nothing happens if the other process has ended. */
  notify(note: Sent): void {
    this.send({ kind: 'note', body: note });
  }

  /**
   * Sends a note with a connection. It stays open in this process, too.
   *
   * @returns false if the other process has ended
   */
  handOver(note: Sent, socket: Socket): boolean {
    return this.send({ kind: 'note', body: note }, socket);
  }

  /** The answer to a question. Rejects with a `ChannelClosed` if the other process ends first. */
  ask<Answer>(question: Asked): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const id = ++this.count;
      this.waiting.set(id, (outcome) => {
        if (outcome instanceof ChannelClosed) reject(outcome);
        else resolve(outcome as Answer);
      });
      if (!this.send({ kind: 'question', id, body: question })) this.close();
    });
  }

  private async receive(message: Envelope, handle: unknown, receivers: Receivers<Received, Question>) {
    switch (message.kind) {
      case 'note':
        receivers.note(message.body as Received, handle as Socket | undefined);
        return;
      case 'question':
        this.send({
          kind: 'answer',
          id: message.id,
          body: await receivers.question(message.body as Question),
        });
        return;
      case 'answer':
        this.waiting.get(message.id)?.(message.body);
        this.waiting.delete(message.id);
    }
  }

  /** @returns false if the other process has ended */
  private send(message: Envelope, socket?: Socket): boolean {
    if (this.isClosed || this.peer.connected !== true) return false;
    // An error means that it has ended: `disconnect` follows.
    this.peer.send?.(message, socket, { keepOpen: true }, () => {});
    return true;
  }

  private close(): void {
    this.isClosed = true;
    for (const end of this.waiting.values()) end(new ChannelClosed());
    this.waiting.clear();
  }
}

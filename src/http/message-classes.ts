import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http';
import express, { type Express } from 'express';

/** The classes that a server makes its requests and responses of; the requests are `AppRequest`s. */
export type MessageClasses = Required<Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'>>;

/** Takes the parts of a body as they come. */
export interface BodyTaker {
  take(part: Buffer): void;
  /** Isn't called if the client leaves before. */
  end(): void;
}

/** A request whose body can be had past its stream, which costs more than all that Node does to parse it. */
export interface AppRequest extends IncomingMessage {
  /** Has the body taken. To be called before any of it was read. */
  takeBody(taker: BodyTaker): void;
}

/**
 * Gives an Express app classes for the requests and responses of its server.
 *
 * Express gives every request and response the app's own prototypes, by `Object.setPrototypeOf`. On an object that was made with
 * another one this turns the engine's inline caches off, for all that is done with it later: on Node 20 that is most of what
 * Express costs. Objects of these classes have the app's prototypes from the start, and setting them anew changes nothing.
 *
 * They are classes that extend Node's, whose prototypes become the app's. The other way round, functions that call Node's
 * constructors and have the app's prototypes, is half as good: V8 makes room in an object for the fields that its constructor sets,
 * parents of classes included, and where they find none the object becomes a hash table.
 */
export function messageClasses(app: Express): MessageClasses {
  class Request extends IncomingMessage implements AppRequest {
    /** Node's own mark: a body that isn't marked as read is read to its end when the answer is sent, and thrown away. */
    _consumed = false;
    bodyTaker: BodyTaker | undefined = undefined;

    takeBody(taker: BodyTaker): void {
      // Of a pipelined request, which waited for its turn, some of the body has come, or all.
      if (this.readableLength > 0) taker.take(this.read());
      this.bodyTaker = taker;
      if (this.complete) this.push(null);
    }

    /** Node's parser calls this with each part of the body, and with null at the end. */
    override push(part: Buffer | null): boolean {
      const { bodyTaker: taker } = this;
      if (taker === undefined) return super.push(part);
      if (part !== null) taker.take(part);
      else {
        // A connection keeps its last request until the next one comes.
        this.bodyTaker = undefined;
        this._consumed = true;
        taker.end();
      }
      return true;
    }
  }
  class AppResponse extends ServerResponse {}
  app.request = asPrototypeOf(app, Request.prototype, express.request) as typeof app.request;
  app.response = asPrototypeOf(app, AppResponse.prototype, express.response) as typeof app.response;
  return { IncomingMessage: Request, ServerResponse: AppResponse as unknown as typeof ServerResponse };
}

/** Makes of a prototype what Express makes for an app: an object with its methods, and the app. */
function asPrototypeOf(app: Express, prototype: object, methods: object): object {
  Object.setPrototypeOf(prototype, methods);
  const how = { configurable: true, enumerable: true, writable: true };
  return Object.defineProperty(prototype, 'app', { ...how, value: app });
}

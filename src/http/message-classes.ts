import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http';
import express, { type Express } from 'express';

/** The classes of a server's requests and responses. The requests are `AppRequest`s. */
export type MessageClasses = Required<Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'>>;

/** Receives the parts of a body as they arrive. */
export interface BodyTaker {
  take(part: Buffer): void;
  /** Not called if the client disconnects first. */
  end(): void;
}

/** A request whose body can be read without its stream. The stream costs more than everything that Node does to parse the request. */
export interface AppRequest extends IncomingMessage {
  /** Passes the body to `taker`. Must be called before any of it is read. */
  takeBody(taker: BodyTaker): void;
}

/**
 * Creates the classes for the requests and responses of an Express app's server.
 *
 * Express gives every request and response the app's own prototypes, with `Object.setPrototypeOf`. If the object was created with another
 * prototype, this disables the engine's inline caches for everything that is done with it later. On Node 20 that is most of the cost of
 * Express. Objects of these classes have the app's prototypes from the start, and setting them again changes nothing.
 *
 * The classes extend Node's, and their prototypes become the app's. The alternative, functions that call Node's constructors and have
 * the app's prototypes, gains half as much: V8 reserves room in an object for the fields that its constructor and its parent classes
 * set. Fields without reserved room turn the object into a hash table.
 */
export function messageClasses(app: Express): MessageClasses {
  class Request extends IncomingMessage implements AppRequest {
    /** Node's own mark: if a body isn't marked as read, Node reads the rest and discards it when the response is sent. */
    _consumed = false;
    bodyTaker: BodyTaker | undefined = undefined;

    takeBody(taker: BodyTaker): void {
      // The request may be pipelined and have waited for the response before it: some or all of its body has already arrived then.
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
        // A connection keeps its last request until the next one arrives.
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

/** Turns a prototype into what Express creates for an app: an object that has Express's methods and the app. */
function asPrototypeOf(app: Express, prototype: object, methods: object): object {
  Object.setPrototypeOf(prototype, methods);
  const how = { configurable: true, enumerable: true, writable: true };
  return Object.defineProperty(prototype, 'app', { ...how, value: app });
}

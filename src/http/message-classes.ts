import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http';

/** The classes of a server's requests and responses. The requests are `AppRequest`s. */
export interface MessageClasses extends ServerOptions {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
}

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
 * Creates the classes for the requests and responses of a server. Each server has its own: `expressApp` gives them methods of Express.
 *
 * The classes extend Node's. The alternative, functions that call Node's constructors and have other prototypes, gains half as much: V8
 * reserves room in an object for the fields that its constructor and its parent classes set. Fields without reserved room turn the object
 * into a hash table.
 */
export function messageClasses(): MessageClasses {
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
  return { IncomingMessage: Request, ServerResponse: AppResponse as unknown as typeof ServerResponse };
}

import { PassedOn } from '../core/passed-on.js';
import type { Store } from '../store/store.js';

const pass = (): never => {
  throw new PassedOn();
};

/** The state of the main process, for the others: a request that needs some of it is passed on. */
export const passingStore: Store = {
  isShared: false,
  isUp: true,
  objects: () => ({ set: pass, get: pass, delete: pass, list: pass, jsonBytesOf: pass }),
  counts: () => ({ count: pass }),
  lists: () => ({ add: pass, remove: pass, use: pass, of: pass }),
};

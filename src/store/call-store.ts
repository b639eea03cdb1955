import type { StoreCommand, StoreReply } from './connection.js';

/**
 * Sends a command about one key of a store that servers share.
 *
 * @param key without the prefix of all keys
 * @param makeCommand receives the key with its prefix
 * @throws AppError if the store is away, or refuses the command
 */
export type CallStore = (key: string, makeCommand: (key: string) => StoreCommand) => Promise<StoreReply>;

/** Where a Redis or Valkey is: one server, or some servers of a cluster. */
export interface StoreAddress {
  readonly hosts: readonly StoreHost[];
  readonly isEncrypted: boolean;
  /** Undefined for the default user. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** The number of the database, of a server that is not in a cluster. */
  readonly database: number;
}

/** One server. */
export interface StoreHost {
  readonly host: string;
  readonly port: number;
}

/** How to use it. */
export interface StoreSettings extends StoreAddress {
  /** The beginning of all keys. */
  readonly prefix: string;
}

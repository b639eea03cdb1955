/** The names of a dataset's keys in a store. All that a version has can be computed from its numbers: nothing has to be scanned. */
export class DatasetKeys {
  private readonly prefix: string;

  /** @param prefix the beginning of all keys */
  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** What nodes read of a dataset: which version there is. */
  versionOf(name: string): string {
    return `${this.prefix}dataset:${encodeURIComponent(name)}`;
  }

  /** How far a load is. */
  loadOf(name: string): string {
    return `${this.versionOf(name)}:load`;
  }

  /** Held by the process that loads. */
  lockOf(name: string): string {
    return `${this.versionOf(name)}:lock`;
  }

  /** A bucket of fields. */
  bucket(version: string, number: number): string {
    return `${this.prefix}${version}:b${number}`;
  }

  /** A record. */
  record(version: string, number: number): string {
    return `${this.prefix}${version}:r${number}`;
  }
}

/** The field that every bucket has, so that one that is empty differs from one that was lost. */
export const BUCKET_MARK = '';

/** The bytes of a body that is too long for one write, slab by slab. */
export class BodyBytes {
  private readonly parts: readonly string[];
  private part = 0;
  private offset = 0;

  /** @param parts the byte strings that the body consists of */
  constructor(parts: readonly string[]) {
    this.parts = parts;
  }

  get isDone(): boolean {
    return this.part === this.parts.length;
  }

  /**
   * Writes as many bytes as there is room for.
   *
   * @returns where they end
   */
  fill(out: Buffer, at: number): number {
    let end = at;
    for (; this.part < this.parts.length; this.part++) {
      const part = this.parts[this.part] as string;
      const next = Math.min(part.length, this.offset + out.length - end);
      end += out.write(part.slice(this.offset, next), end, 'latin1');
      this.offset = next;
      if (next < part.length) break;
      this.offset = 0;
    }
    return end;
  }
}

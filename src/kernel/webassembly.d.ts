/** The part of WebAssembly's API that the kernel needs. TypeScript declares it only in its library for browsers. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  /** Thrown by a trap. */
  class RuntimeError extends Error {}
  /** Sizes are in pages of 64 KiB. The buffer of a shared memory is a SharedArrayBuffer, which has the same properties. */
  class Memory {
    constructor(size: { readonly initial: number; readonly maximum: number; readonly shared: boolean });
    readonly buffer: ArrayBuffer;
  }
}

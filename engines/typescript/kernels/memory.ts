/**
 * The memory that the WebAssembly kernels work in, with an instance of them. Weights live in one for as long as their
 * model does; activations are ordinary arrays, and are copied in and out around a call, unless a scratch scope is open:
 * then results stay inside until the scope ends, and nothing is allocated outside.
 */
import { readFileSync } from "node:fs";
import type { KernelName, Kernels } from "./threads.ts";
import { Threads } from "./threads.ts";

/** Address of the arguments of the running kernel. */
const ARGUMENTS = 1024;
/** The address at which scratch of the kernels begins; allocations come behind it. */
export const KERNEL_SCRATCH = 2048;
/** Most threads that a kernel is cut into. */
export const MAX_THREADS = 16;
/** The part of the memory that weights leave free for activations: one eighth. */
const STACK_SHARE = 8;
/** Multiplications from which a second thread pays. */
export const WORTH_THREADS = 400_000;
const LINE = 64;
/** The pages that 32-bit addresses reach. Pages that were never touched take no memory. */
const MAX_PAGES = 65_536;
const FEWEST_PAGES = MAX_PAGES / 64;

/** An argument of a kernel: an address or a count as an integer, or a float32 number. */
export type Argument = number | { readonly float32: number } | { readonly float64: number };

/** Arrays that a kernel reads. */
export type KernelArray = Float32Array | Float64Array | Uint16Array | Uint8Array;

let compiled: WebAssembly.Module | undefined;
const memories = new WeakMap<ArrayBufferLike, KernelMemory>();
let common: KernelMemory | undefined;
/** The memory in which results stay while a scratch scope is open. */
let home: KernelMemory | null = null;

const loans = new FinalizationRegistry<{ memory: KernelMemory; address: number; bytes: number }>(
  ({ memory, address, bytes }) => memory.release(address, bytes),
);

export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly threads: Threads;
  readonly #floats: Float32Array;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #argumentFloats: Float32Array;
  readonly #arguments64: DataView;
  /**
   * End of what stays, and end of what is in use for the moment: the stack grows from the end of the memory downwards.
   */
  #end: number;
  #free: { at: number; size: number }[] = [];
  #stack: number;

  constructor() {
    const module = (compiled ??= new WebAssembly.Module(readFileSync(new URL("kernels.wasm", import.meta.url))));
    this.memory = largestMemory();
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.memory } });
    this.kernels = exports as unknown as Kernels;
    const { buffer } = this.memory;
    this.#floats = new Float32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer, ARGUMENTS, 64);
    this.#argumentFloats = new Float32Array(buffer, ARGUMENTS, 64);
    this.#arguments64 = new DataView(buffer, ARGUMENTS, 256);
    this.#end = align(KERNEL_SCRATCH + MAX_THREADS * this.kernels.SCRATCH_BYTES.value);
    this.#stack = buffer.byteLength;
    this.threads = new Threads(this.memory, module, this.kernels);
    memories.set(buffer, this);
  }

  /** Room for `bytes` that stays until it is released, or null when there is none left. */
  reserve(bytes: number): number | null {
    const size = align(bytes);
    const free = this.#free.findIndex((block) => block.size >= size);
    if (free >= 0) {
      const block = this.#free[free]!;
      this.#free.splice(free, 1, ...(block.size > size ? [{ at: block.at + size, size: block.size - size }] : []));
      return block.at;
    }
    const address = this.#end;
    if (address + size + this.memory.buffer.byteLength / STACK_SHARE > this.#stack) return null;
    this.#end = address + size;
    return address;
  }

  /** Takes back `bytes` reserved at `address`. */
  release(address: number, bytes: number): void {
    this.#free.push({ at: address, size: align(bytes) });
    this.#free.sort((a, b) => a.at - b.at);
    for (let i = this.#free.length - 2; i >= 0; i--) {
      const [block, next] = [this.#free[i]!, this.#free[i + 1]!];
      if (block.at + block.size === next.at) this.#free.splice(i, 2, { at: block.at, size: block.size + next.size });
    }
  }

  /** `length` numbers for as long as `owner` is in use. Throws RangeError when there is no room. */
  lend(owner: object, length: number): Float32Array {
    const address = this.reserve(4 * length);
    if (address === null) throw new RangeError(`the kernels' memory is full: no room for ${4 * length} bytes`);
    loans.register(owner, { memory: this, address, bytes: 4 * length });
    return new Float32Array(this.memory.buffer, address, length);
  }

  /** Bytes that stay. */
  get reserved(): number {
    return this.#end;
  }

  /** The end of the stack; the same whenever nothing runs. */
  get stackTop(): number {
    return this.#stack;
  }

  /** All bytes of the memory. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The address of `array`: its own where it lives in this memory, else that of a copy on the stack. */
  place(array: KernelArray): number {
    if (array.buffer === this.memory.buffer) return array.byteOffset;
    const address = this.push(array.byteLength);
    if (array instanceof Float32Array) this.#floats.set(array, address / 4);
    else this.#bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), address);
    return address;
  }

  /** Room for `bytes` on the stack. Throws RangeError when the memory is full. */
  push(bytes: number): number {
    const address = Math.floor((this.#stack - bytes) / LINE) * LINE;
    if (address < this.#end)
      throw new RangeError(`the kernels' memory is full: ${bytes} bytes more were wanted for activations`);
    this.#stack = address;
    return address;
  }

  /** Runs a kernel on this thread, and on the others when `work`, about the number of multiplications, is worth it. */
  run(name: KernelName, args: readonly Argument[], work: number): void {
    let word = 0;
    for (const argument of args)
      if (typeof argument === "number") this.#words[word++] = argument;
      else if ("float32" in argument) this.#argumentFloats[word++] = argument.float32;
      else {
        this.#arguments64.setFloat64(word * 4, argument.float64, true);
        word += 2;
      }
    this.threads.run(name, ARGUMENTS, work > WORTH_THREADS);
  }

  /**
   * `length` numbers that `compute` writes at the address it is given: in this memory while a scratch scope of it is
   * open, else copied out. What `compute` placed on the stack is gone afterwards.
   */
  result(length: number, compute: (out: number) => void): Float32Array {
    const before = this.#stack;
    const out = this.push(length * 4);
    const after = this.#stack;
    try {
      compute(out);
      if (home !== this) return this.#copyOut(out, length);
    } finally {
      this.#stack = home === this ? after : before;
    }
    return new Float32Array(this.memory.buffer, out, length);
  }

  /** Runs `change`, which writes into `values`: where they are, or on a copy that is copied back. */
  change(values: Float32Array | Float64Array, change: (address: number) => void): void {
    if (values.buffer === this.memory.buffer) return change(values.byteOffset);
    const before = this.#stack;
    try {
      const address = this.place(values);
      change(address);
      const changed = this.#bytes.subarray(address, address + values.byteLength);
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength).set(changed);
    } finally {
      this.#stack = before;
    }
  }

  #copyOut(address: number, length: number): Float32Array {
    const numbers = floats(length);
    numbers.set(this.#floats.subarray(address / 4, address / 4 + length));
    return numbers;
  }

  /**
   * Opens the stack for `compute`: results of operations stay on it until `compute` returns. The numbers that `pick`
   * finds in its result are moved to where the stack was before, inside another scope, or copied out; they come back
   * beside the result.
   */
  scratch<T>(compute: () => T, pick: (result: T) => Float32Array): { result: T; numbers: Float32Array } {
    const [before, outer] = [this.#stack, home];
    let after = before;
    open(this);
    try {
      const result = compute();
      const numbers = pick(result);
      open(outer);
      if (numbers.buffer !== this.memory.buffer) return { result, numbers };
      const { byteOffset: from, byteLength, length } = numbers;
      if (outer !== this) return { result, numbers: this.#copyOut(from, length) };
      after = Math.floor((before - byteLength) / LINE) * LINE;
      this.#bytes.copyWithin(after, from, from + byteLength);
      return { result, numbers: new Float32Array(this.memory.buffer, after, length) };
    } finally {
      open(outer);
      this.#stack = after;
    }
  }
}

function open(memory: KernelMemory | null): void {
  home = memory;
}

/** A fresh array of `length` numbers, not cleared: in the open scratch scope, else one of its own. */
export function floats(length: number): Float32Array {
  if (home === null) return new Float32Array(length);
  return new Float32Array(home.memory.buffer, home.push(length * 4), length);
}

/** `numbers` as an array that outlives scratch scopes: itself, or a copy. */
export function keep(numbers: Float32Array): Float32Array {
  return home === null || numbers.buffer !== home.memory.buffer ? numbers : numbers.slice();
}

/** The memory that an open scratch scope belongs to. */
export function openScratch(): KernelMemory | null {
  return home;
}

/**
 * The memory that the first of `arrays` lives in that lives in one, else that of the open scratch scope, else one that
 * all share.
 */
export function memoryOf(...arrays: readonly KernelArray[]): KernelMemory {
  for (const { buffer } of arrays) {
    const memory = memories.get(buffer);
    if (memory) return memory;
  }
  return home ?? (common ??= new KernelMemory());
}

/**
 * A memory of all that can be addressed; of less where the machine does not give so many addresses. Throws RangeError
 * where it gives hardly any.
 */
function largestMemory(): WebAssembly.Memory {
  for (let pages = MAX_PAGES; ; pages /= 2)
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (error) {
      if (pages <= FEWEST_PAGES) throw error;
    }
}

function align(address: number): number {
  return Math.ceil(address / LINE) * LINE;
}

/** Threads that run a kernel together over one shared memory. */
import { Worker } from "node:worker_threads";

/** One kernel: `(address of the arguments, part, parts)`. */
export type Kernel = (args: number, part: number, parts: number) => void;

/** The kernels, in the order of their numbers. */
export const kernelNames = [
  "linear",
  "add",
  "mul",
  "scale",
  "mul_rows",
  "activate",
  "round_bf16",
  "round_f16",
  "rms_norm",
  "layer_norm",
  "softmax",
  "attention_scores",
  "attention_context",
  "mask_scores",
  "rotary",
  "gated_delta_rule",
  "selective_scan",
] as const;
export type KernelName = (typeof kernelNames)[number];

/** The exports of kernels.wasm. */
export type Kernels = Readonly<Record<KernelName, Kernel>> & { readonly SCRATCH_BYTES: { readonly value: number } };

/**
 * Places of the words of shared memory, from address 64 on, through which main and worker threads signal each other.
 * Workers have the same list.
 */
const control = { epoch: 0, done: 1, kernel: 2, arguments: 3, parts: 4, ready: 5 } as const;
const CONTROL_ADDRESS = 64;
const CONTROL_WORDS = 16;

/** Loads of a shared word before a thread goes to sleep: about 20 us. */
const SPINS = 4000;
/** Milliseconds after which a kernel's thread counts as dead. */
const PATIENCE = 60_000;

export class Threads {
  readonly #memory: WebAssembly.Memory;
  readonly #module: WebAssembly.Module;
  readonly #kernels: Kernels;
  readonly #words: Int32Array;
  #workers: Worker[] = [];
  #count = 1;

  constructor(memory: WebAssembly.Memory, module: WebAssembly.Module, kernels: Kernels) {
    this.#memory = memory;
    this.#module = module;
    this.#kernels = kernels;
    this.#words = new Int32Array(memory.buffer, CONTROL_ADDRESS, CONTROL_WORDS);
  }

  /** Threads that take part, this one included. Those that are new take part from when they are ready. */
  get count(): number {
    return this.#count;
  }

  set count(count: number) {
    if (count === this.#count) return;
    this.close();
    this.#count = count;
    for (let part = 1; part < count; part++) this.#start(part);
  }

  /** True when all threads that were asked for take part. */
  get ready(): boolean {
    return Atomics.load(this.#words, control.ready) >= this.#count - 1;
  }

  #start(part: number): void {
    const worker = new Worker(new URL("worker.mjs", import.meta.url), {
      workerData: {
        memory: this.#memory,
        module: this.#module,
        names: kernelNames,
        control,
        address: CONTROL_ADDRESS,
        part,
        spins: SPINS,
      },
    });
    worker.unref();
    this.#workers.push(worker);
  }

  /** Runs kernel `name`, with all threads that are ready when `parallel`. */
  run(name: KernelName, args: number, parallel: boolean): void {
    const words = this.#words;
    if (!parallel || this.#count === 1 || !this.ready) {
      this.#kernels[name](args, 0, 1);
      return;
    }
    words[control.kernel] = kernelNames.indexOf(name);
    words[control.arguments] = args;
    words[control.parts] = this.#count;
    Atomics.store(words, control.done, 0);
    Atomics.add(words, control.epoch, 1);
    Atomics.notify(words, control.epoch);
    this.#kernels[name](args, 0, this.#count);
    this.#join(this.#count - 1);
  }

  #join(others: number): void {
    const words = this.#words;
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(words, control.done) === others) return;
    for (;;) {
      const done = Atomics.load(words, control.done);
      if (done === others) return;
      if (Atomics.wait(words, control.done, done, PATIENCE) === "timed-out")
        throw new Error(`a kernel's thread gave no answer within ${PATIENCE / 1000} s`);
    }
  }

  /** Ends the other threads. */
  close(): void {
    for (const worker of this.#workers) void worker.terminate();
    this.#workers = [];
    this.#count = 1;
    Atomics.store(this.#words, control.ready, 0);
  }
}

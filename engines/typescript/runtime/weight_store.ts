import { KernelMemory } from "../kernels/memory.ts";
import { PackedHalves } from "../kernels/packed.ts";
import { roundAll } from "../tensor/rounding.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { TensorEntry } from "../../../harness/trace/safetensors.ts";
import { readTensor } from "../../../harness/trace/safetensors.ts";
import { elementCount, toNumbers } from "../../../harness/trace/tensor.ts";

/** Bits of float16 that are all set in infinities and NaN. */
const SPECIAL = 0x7c00;
const LINE = 64;

/**
 * Where the weights of one model live: in the memory that the kernels work in, matrices in 16 bits where the checkpoint or the model's dtype has no
 * more, everything else in float32. Bytes that can stay as they are go from the file to that memory and nowhere else. A model of more than 4 GiB
 * has several memories: a product is computed where its weight is.
 */
export class WeightStore {
  readonly #dtype: FloatDtype;
  readonly #memories: KernelMemory[] = [];

  /** For a model that computes in `dtype`. */
  constructor(dtype: FloatDtype) {
    this.#dtype = dtype;
  }

  /** The memory of the first weights, where activations belong. */
  get memory(): KernelMemory {
    return (this.#memories[0] ??= new KernelMemory());
  }

  /** Bytes reserved for weights. */
  get bytes(): number {
    return this.#memories.reduce((sum, memory) => sum + memory.reserved, 0);
  }

  /** Threads that kernels are cut into. */
  set threads(count: number) {
    for (const memory of this.#memories) memory.threads.count = count;
  }

  /** Reads a floating tensor, rounded to the model's dtype; `see` gets the stored bytes. @throws SafetensorsError, RangeError */
  read(entry: TensorEntry, see: (bytes: Uint8Array) => void): Tensor {
    const { dtype, shape } = entry;
    const matrix = shape.length > 1;
    if (dtype === "F32" && this.#dtype === "F32") {
      const bytes = this.#place(entry, see);
      return floatTensor(shape, new Float32Array(bytes.buffer, bytes.byteOffset, elementCount(shape)));
    }
    if (matrix && (dtype === "BF16" || dtype === "F16") && (this.#dtype === dtype || this.#dtype === "F32")) {
      const bytes = this.#place(entry, see);
      const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, elementCount(shape));
      if (dtype === "F16" && halves.some((half) => (half & SPECIAL) === SPECIAL))
        return floatTensor(shape, new PackedHalves(halves, "F16").expand(), this.#dtype);
      return floatTensor(shape, new PackedHalves(halves, dtype), this.#dtype);
    }
    const raw = readTensor(entry);
    see(raw.bytes);
    const numbers = roundAll(Float32Array.from(toNumbers(raw)), this.#dtype);
    if (matrix && this.#dtype === "BF16") return floatTensor(shape, this.#pack(numbers), "BF16");
    return floatTensor(shape, numbers, this.#dtype);
  }

  /** Ends the kernels' threads. */
  close(): void {
    for (const memory of this.#memories) memory.threads.close();
  }

  #place(entry: TensorEntry, see: (bytes: Uint8Array) => void): Uint8Array {
    const { bytes } = readTensor(entry, this.#reserve(entry.end - entry.start));
    see(bytes);
    return bytes;
  }

  /** `numbers`, which bfloat16 has, by the upper halves of their bits. */
  #pack(numbers: Float32Array): PackedHalves {
    const bytes = this.#reserve(2 * numbers.length);
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, numbers.length);
    const bits = new Uint16Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);
    for (let i = 0; i < halves.length; i++) halves[i] = bits[2 * i + 1]!;
    return new PackedHalves(halves, "BF16");
  }

  #reserve(bytes: number): Uint8Array {
    const memory = this.#memories.at(-1) ?? this.memory;
    const address = memory.reserve(bytes + LINE);
    if (address !== null) return memory.bytes.subarray(address, address + bytes);
    const next = new KernelMemory();
    this.#memories.push(next);
    const start = next.reserve(bytes + LINE);
    if (start === null) throw new RangeError(`a tensor of ${bytes} bytes does not fit into a kernel memory of 4 GiB`);
    return next.bytes.subarray(start, start + bytes);
  }
}

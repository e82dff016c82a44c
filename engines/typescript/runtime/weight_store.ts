import { KernelMemory } from "../kernels/memory.ts";
import { PackedHalves } from "../kernels/packed.ts";
import { cast } from "../tensor/elementwise.ts";
import { packFloats } from "../tensor/rounding.ts";
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
 * A store for the weights of one model: in the memory that the kernels work in, matrices in 16 bits where the
 * checkpoint or the model's dtype has no more, everything else in float32. Bytes that can stay as they are go from the
 * file to that memory and nowhere else. A model of more than 4 GiB has several memories: a product is computed where
 * its weight is.
 */
export class WeightStore {
  readonly #dtype: FloatDtype;
  readonly #memories: KernelMemory[] = [];

  /** Makes a store for a model that computes in `dtype`. */
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

  /**
   * Reads a floating tensor, its numbers as they are stored; `see` gets the stored bytes. @throws SafetensorsError,
   * RangeError
   */
  read(entry: TensorEntry, see: (bytes: Uint8Array) => void): Tensor {
    const { dtype, shape } = entry;
    const stays = this.#dtype === "F32" || this.#dtype === dtype; // else its numbers will be rounded, and take other bytes
    if (stays && dtype === "F32") {
      const bytes = this.#place(entry, see);
      return floatTensor(shape, new Float32Array(bytes.buffer, bytes.byteOffset, elementCount(shape)));
    }
    if (stays && shape.length > 1 && (dtype === "BF16" || dtype === "F16")) {
      const bytes = this.#place(entry, see);
      const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, elementCount(shape));
      const packed = new PackedHalves(halves, dtype);
      return floatTensor(shape, dtype === "F16" && hasSpecial(halves) ? packed.expand() : packed);
    }
    const raw = readTensor(entry);
    see(raw.bytes);
    const numbers = toNumbers(raw);
    return floatTensor(shape, numbers instanceof Float32Array ? numbers : Float32Array.from(numbers));
  }

  /** `weight` as the model asks for it: rounded to `dtype`, matrices in 16 bits where that is enough. */
  settle(weight: Tensor, dtype: FloatDtype): Tensor {
    const { storage, shape } = weight;
    if (storage === null || dtype === "F32") return weight;
    if (storage instanceof PackedHalves && storage.format === dtype) return floatTensor(shape, storage, dtype);
    const rounded = cast(weight, dtype).data!;
    return floatTensor(shape, shape.length > 1 ? this.#pack(rounded, dtype) : rounded, dtype);
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

  /** `numbers`, which `format` has, in 16 bits each; as they are where float16 can't be packed. */
  #pack(numbers: Float32Array, format: "BF16" | "F16"): PackedHalves | Float32Array {
    const { bytes } = packFloats(numbers, format, [numbers.length]);
    const packed = new Uint16Array(bytes.buffer, bytes.byteOffset, numbers.length);
    if (format === "F16" && hasSpecial(packed)) return numbers;
    const target = this.#reserve(bytes.byteLength);
    target.set(bytes);
    return new PackedHalves(new Uint16Array(target.buffer, target.byteOffset, numbers.length), format);
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

/** True when some float16 number is infinite or NaN. */
function hasSpecial(halves: Uint16Array): boolean {
  return halves.some((half) => (half & SPECIAL) === SPECIAL);
}

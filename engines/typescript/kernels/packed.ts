/** Numbers kept in 16 bits each, as checkpoints store them; the kernels expand them as they read. */
export class PackedHalves {
  readonly halves: Uint16Array;
  /** Float16 numbers are all finite. */
  readonly format: "BF16" | "F16";

  constructor(halves: Uint16Array, format: "BF16" | "F16") {
    this.halves = halves;
    this.format = format;
  }

  get length(): number {
    return this.halves.length;
  }

  get buffer(): ArrayBufferLike {
    return this.halves.buffer;
  }

  /** The numbers [start, end) as packed ones, not copied. */
  subarray(start: number, end: number): PackedHalves {
    return new PackedHalves(this.halves.subarray(start, end), this.format);
  }

  /** All numbers as float32: exact. */
  expand(): Float32Array {
    const { buffer, byteOffset, length } = this.halves;
    if (this.format === "F16") return Float32Array.from(new Float16Array(buffer, byteOffset, length));
    const bits = new Uint32Array(length);
    for (let i = 0; i < length; i++) bits[i] = this.halves[i]! << 16;
    return new Float32Array(bits.buffer);
  }
}

/** An array that weights are kept in. */
export type WeightArray = Float32Array | PackedHalves;

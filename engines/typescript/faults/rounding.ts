/** A number rounded to bfloat16, half to even. */
export function bf16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0]!;
}

/** A number rounded to float16. */
export function fp16(value: number): number {
  return Math.f16round(value);
}

/** A float32 number cut to the 10 mantissa bits that tensor cores read in TF32 mode. */
export function tf32(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = bits[0]! & 0xffffe000;
  return new Float32Array(bits.buffer)[0]!;
}

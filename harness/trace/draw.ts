/**
 * The portable generator: a tensor is a pure function of (seed, name, shape). The same rule in
 * Python (`lockstep_engine/draw.py`) gives the same bits, so a golden needs no weights.
 *
 * Bump `generatorVersion` when a bit of any tensor of a golden changes.
 */
export const generatorVersion = 1;

/** A 32-bit finaliser with low bias (the constants of Wellons' `lowbias32`). */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** FNV-1a over the UTF-8 bytes of `text`. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The key of one named stream: everything of a draw but the element index. */
export function streamKey(seed: number, name: string): number {
  return mix(fnv1a(name) ^ mix((seed + 0x9e3779b9) >>> 0));
}

/** Uniform integer in [0, 2^32) for element `index` of stream `key`. */
export function uniformBits(key: number, index: number): number {
  return mix((key + mix((index ^ key) >>> 0)) >>> 0);
}

/** Uniform number in (0, 1), a multiple of 2^-25. */
export function uniform(key: number, index: number): number {
  return ((uniformBits(key, index) >>> 8) + 0.5) * 2 ** -24;
}

/**
 * The interval that parameter `name` of `shape` is drawn from, chosen so that activations stay near 1 and no parameter
 * keeps a value that hides a bug (norm weights are not 1, biases not 0): biases +-0.4; other vectors and scalars (norm
 * weights, layer scalars) 0.5 .. 1.5; position tables +-1; matrices +-sqrt(3 / fan_in), which has standard deviation
 * 1/sqrt(fan_in). A tensor of three axes is a convolution, [out, in, width], or the matrices of all experts, [experts,
 * out, in] or [experts, in, out]: by its name, and of each expert's matrix the last axis counts as fan_in.
 */
export function drawRange(name: string, shape: readonly number[]): [low: number, high: number] {
  if (/pos(ition)?_?emb/.test(name)) return [-1, 1];
  if (shape.length >= 2) {
    const stacked = shape.length === 3 && /expert|moe/.test(name);
    const fanIn = shape.slice(stacked ? 2 : 1).reduce((product, size) => product * size, 1);
    const bound = Math.sqrt(3 / fanIn);
    return [-bound, bound];
  }
  return name.endsWith("bias") ? [-0.4, 0.4] : [0.5, 1.5];
}

/** Draws parameter `name`: float32, row-major, `shape`. */
export function drawParameter(seed: number, name: string, shape: readonly number[]): Float32Array {
  const [low, high] = drawRange(name, shape);
  return drawUniform(
    seed,
    name,
    shape.reduce((product, size) => product * size, 1),
    low,
    high,
  );
}

/**
 * Draws `length` float32 numbers uniform between `low` and `high` (either may be reached by rounding) from stream
 * (seed, name).
 */
export function drawUniform(seed: number, name: string, length: number, low: number, high: number): Float32Array {
  const key = streamKey(seed, name);
  const values = new Float32Array(length);
  for (let index = 0; index < length; index++) values[index] = low + (high - low) * uniform(key, index);
  return values;
}

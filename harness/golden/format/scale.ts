/**
 * Magnitudes as 16-bit codes on a logarithmic scale: 64 steps an octave (1.1 %) from 2^-160 to 2^130, which holds all
 * of float32.
 */
const lowest = -160;
const stepsPerOctave = 64;
const steps = 290 * stepsPerOctave;

const zero = 0;
const notFinite = 65_534;
const absent = 65_535;

/**
 * The code of a magnitude: 0 for zero, two of their own for what is not finite and what is absent. Magnitudes outside
 * the scale go to its ends.
 */
export function toCode(value: number | undefined): number {
  if (value === undefined) return absent;
  if (!Number.isFinite(value)) return notFinite;
  if (value <= 0) return zero;
  const step = Math.round((Math.log2(value) - lowest) * stepsPerOctave);
  return 1 + Math.min(Math.max(step, 0), steps);
}

/** The magnitude of a code; infinity for what was not finite, undefined for what was absent. */
export function fromCode(code: number): number | undefined {
  if (code === absent) return undefined;
  if (code === notFinite) return Number.POSITIVE_INFINITY;
  return code === zero ? 0 : 2 ** (lowest + (code - 1) / stepsPerOctave);
}

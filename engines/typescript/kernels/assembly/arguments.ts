/**
 * Every kernel has the signature `(args, part, parts)`: `args` points at its arguments, one 4-byte word each, and the
 * work is cut into `parts` of which this call does number `part`. A number of the result is computed by one part alone
 * and always in the same order, so that its bits don't depend on `parts`.
 */

/** Argument `index`, a pointer. */
@inline
export function pointer(args: usize, index: i32): usize {
  return <usize>load<u32>(args + (<usize>index << 2));
}

/** Argument `index`, a count. */
@inline
export function count(args: usize, index: i32): i32 {
  return load<i32>(args + (<usize>index << 2));
}

/** Argument `index`, a float32 number. */
@inline
export function number(args: usize, index: i32): f32 {
  return load<f32>(args + (<usize>index << 2));
}

/** The item at which part `part` of `total` items begins, in multiples of `grain`; part `parts` begins at the end. */
@inline
export function begin(total: i32, part: i32, parts: i32, grain: i32): i32 {
  const grains = (total + grain - 1) / grain;
  return min(<i32>((<i64>grains * part) / parts) * grain, total);
}

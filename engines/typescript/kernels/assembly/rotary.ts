/** Rotary position embeddings. */
import { begin, count, pointer } from "./arguments";

/**
 * `x * cos + rotate_half(x) * sin`, products and sum rounded to float32. Arguments: x [positions, heads, dim], cos and
 * sin [positions, dim], out, positions, heads, dim.
 */
export function rotary(args: usize, part: i32, parts: i32): void {
  const positions = count(args, 4);
  const heads = count(args, 5);
  const bytes = <usize>count(args, 6) << 2;
  const half = bytes >> 1;
  const last = begin(positions, part + 1, parts, 1);
  for (let position = begin(positions, part, parts, 1); position < last; position++) {
    const cos = pointer(args, 1) + <usize>position * bytes;
    const sin = pointer(args, 2) + <usize>position * bytes;
    for (let head = 0; head < heads; head++) {
      const offset = <usize>(position * heads + head) * bytes;
      const x = pointer(args, 0) + offset;
      const out = pointer(args, 3) + offset;
      let i: usize = 0;
      for (; i + 16 <= half; i += 16) {
        const low = v128.load(x + i);
        const high = v128.load(x + half + i);
        const turned = f32x4.mul(f32x4.neg(high), v128.load(sin + i));
        v128.store(out + i, f32x4.add(f32x4.mul(low, v128.load(cos + i)), turned));
        const back = f32x4.mul(low, v128.load(sin + half + i));
        v128.store(out + half + i, f32x4.add(f32x4.mul(high, v128.load(cos + half + i)), back));
      }
      for (; i < half; i += 4) {
        const low = load<f32>(x + i);
        const high = load<f32>(x + half + i);
        store<f32>(out + i, low * load<f32>(cos + i) + -high * load<f32>(sin + i));
        store<f32>(out + half + i, high * load<f32>(cos + half + i) + low * load<f32>(sin + half + i));
      }
    }
  }
}

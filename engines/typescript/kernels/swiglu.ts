/**
 * The SwiGLU of gpt_oss on rows in which gates and ups take turns: the gate clamped from above and the up half from
 * both sides by `limit`, then `gate * sigmoid(alpha * gate) * (up + 1)`. `gate_up` [rows, 2 * width], result [rows,
 * width]; each step is `round`ed as in the reference.
 */
export function clamped_swiglu(
  gate_up: Float32Array,
  { alpha, limit, round }: { alpha: number; limit: number; round: (value: number) => number },
): Float32Array {
  const out = new Float32Array(gate_up.length / 2);
  const bound = round(limit);
  for (let i = 0; i < out.length; i++) {
    const gate = Math.min(gate_up[2 * i]!, bound);
    const up = Math.max(-bound, Math.min(gate_up[2 * i + 1]!, bound));
    const glu = round(gate * round(1 / (1 + Math.exp(-round(gate * alpha)))));
    out[i] = round(up + 1) * glu;
  }
  return out;
}

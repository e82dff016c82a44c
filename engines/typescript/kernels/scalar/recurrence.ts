/**
 * Scalar twin of the gated delta rule in assembly/recurrence.ts; that of the scan is `rounded_scan` in
 * ../selective_scan.ts.
 */
import type { DeltaRuleInputs, DeltaRuleSizes } from "../gated_delta_rule.ts";

export function gated_delta_rule(
  { query, key, value, g, beta }: DeltaRuleInputs,
  { batch, length, key_heads, value_heads, key_dim, value_dim }: DeltaRuleSizes,
  state: Float32Array | null,
): { out: Float32Array; state: Float32Array } {
  const out = new Float32Array(value.length);
  const size = key_dim * value_dim;
  const running = state ? Float64Array.from(state) : new Float64Array(batch * value_heads * size);
  for (let b = 0; b < batch; b++)
    for (let t = 0; t < length; t++)
      for (let h = 0; h < value_heads; h++) {
        const row = (b * length + t) * value_heads + h;
        const k = ((b * length + t) * key_heads + Math.floor((h * key_heads) / value_heads)) * key_dim;
        const start = (b * value_heads + h) * size;
        const decay = Math.exp(g[row]!);
        for (let d = 0; d < value_dim; d++) {
          let memory = 0;
          for (let n = 0; n < key_dim; n++) {
            const place = start + n * value_dim + d;
            running[place]! *= decay;
            memory += running[place]! * key[k + n]!;
          }
          const delta = (value[row * value_dim + d]! - memory) * beta[row]!;
          let reading = 0;
          for (let n = 0; n < key_dim; n++) {
            const place = start + n * value_dim + d;
            running[place]! += key[k + n]! * delta;
            reading += running[place]! * query[k + n]!;
          }
          out[row * value_dim + d] = reading;
        }
      }
  return { out, state: Float32Array.from(running) };
}

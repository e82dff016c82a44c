import { softmax } from "./softmax.ts";

/**
 * Softmax over each row of `scores` [B, heads, S, T] and its head's sink, whose own share is dropped: rows sum to less
 * than 1. The largest of the row is subtracted and `round`ed first, as in the reference.
 */
export function softmax_with_sinks(
  scores: Float32Array,
  sinks: Float32Array,
  { queries, keys, round }: { queries: number; keys: number; round: (value: number) => number },
): Float32Array {
  const rows = scores.length / keys;
  const combined_logits = new Float32Array(rows * (keys + 1));
  for (let row = 0; row < rows; row++) {
    const sink = sinks[Math.floor(row / queries) % sinks.length]!;
    let max = sink;
    for (let i = row * keys; i < (row + 1) * keys; i++) max = Math.max(max, scores[i]!);
    const target = row * (keys + 1);
    for (let i = 0; i < keys; i++) combined_logits[target + i] = round(scores[row * keys + i]! - max);
    combined_logits[target + keys] = round(sink - max);
  }
  const probs = softmax(combined_logits, keys + 1);
  const out = new Float32Array(scores.length);
  for (let row = 0; row < rows; row++) out.set(probs.subarray(row * (keys + 1), row * (keys + 1) + keys), row * keys);
  return out;
}

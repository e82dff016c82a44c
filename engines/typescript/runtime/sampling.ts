import { drawUniform } from "../../../harness/trace/draw.ts";

/** The rule that draws the next token. Temperature, `top_k` and `top_p` are applied in this order. */
export interface Sampling {
  /** The number that logits are divided by; above 0. */
  readonly temperature: number;
  /** The number of likeliest tokens that are drawn from; all when absent. */
  readonly top_k?: number;
  /** The probability that the tokens to draw from reach together, the likeliest first; all tokens when absent. */
  readonly top_p?: number;
  /** The same seed draws the same tokens. */
  readonly seed: number;
}

/** The token with the largest logit; the first of equals, as `torch.argmax`. */
export function greedy(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++) if (logits[token]! > logits[best]!) best = token;
  return best;
}

/**
 * The token that `uniform` in [0, 1) falls on when tokens lie side by side, the likeliest first, each as wide as its
 * probability. Temperature, then `top_k`, then `top_p`, as transformers' `generate` applies them.
 */
export function sample(logits: Float32Array, { temperature, top_k, top_p }: Sampling, uniform: number): number {
  const ranked = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const kept = top_k === undefined ? ranked : ranked.slice(0, Math.max(top_k, 1));
  const largest = logits[kept[0]!]!;
  const weights = kept.map((token) => Math.exp((logits[token]! - largest) / temperature));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let nucleus = weights.length;
  if (top_p !== undefined) {
    let sum = 0;
    nucleus = weights.findIndex((weight) => (sum += weight / all) >= top_p) + 1 || weights.length;
  }
  const total = weights.slice(0, nucleus).reduce((sum, weight) => sum + weight, 0);
  let left = uniform * total;
  const place = weights.slice(0, nucleus).findIndex((weight) => (left -= weight) < 0);
  return kept[place < 0 ? nucleus - 1 : place]!;
}

/** A chooser of tokens: `choose(logits, step)`. */
export function chooser(sampling: Sampling | null): (logits: Float32Array, step: number) => number {
  if (sampling === null) return greedy;
  return (logits, step) => sample(logits, sampling, drawUniform(sampling.seed, `token ${step}`, 1, 0, 1)[0]!);
}

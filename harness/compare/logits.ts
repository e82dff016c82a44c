import type { Numbers } from "./distance.ts";
import type { LogitsAgreement } from "../verdict/audit.ts";
import { maxRatio } from "../verdict/numbers.ts";

/**
 * Agreement of two sets of logits, row by row: KL(reference || engine) in nats, the share of equal argmax, and the
 * smallest reference margin among the rows that disagree. Rows that are all zero on both sides are padding and skipped.
 */
export function compareLogits(phase: string, engine: Numbers, reference: Numbers, vocabulary: number): LogitsAgreement {
  let [rows, top1, totalKl, maxKl] = [0, 0, 0, 0];
  let margin: number | null = null;
  for (let start = 0; start < reference.length; start += vocabulary) {
    const ours = engine.subarray(start, start + vocabulary);
    const theirs = reference.subarray(start, start + vocabulary);
    if (isZero(theirs) && isZero(ours)) continue;
    rows++;
    const kl = divergence(theirs, ours);
    totalKl += kl;
    maxKl = Math.max(maxKl, kl);
    const [best, second] = topTwo(theirs);
    if (topTwo(ours)[0] === best && kl < maxRatio) top1++;
    else margin = Math.min(margin ?? Number.POSITIVE_INFINITY, theirs[best]! - theirs[second]!);
  }
  return { phase, mean_kl: rows === 0 ? 0 : totalKl / rows, max_kl: maxKl, top1, rows, margin };
}

/** KL(p || q) of the softmax of two rows of logits, at least 0. Capped, as JSON has no infinity. */
function divergence(p: Numbers, q: Numbers): number {
  const [pTop, qTop] = [logSumExp(p), logSumExp(q)];
  let total = 0;
  for (let index = 0; index < p.length; index++) {
    const logP = p[index]! - pTop;
    if (logP === Number.NEGATIVE_INFINITY) continue; // a token that p rules out adds nothing
    total += Math.exp(logP) * (logP - (q[index]! - qTop));
  }
  return Number.isFinite(total) ? Math.max(total, 0) : maxRatio;
}

function isZero(row: Numbers): boolean {
  return row.every((logit) => logit === 0);
}

function logSumExp(row: Numbers): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const logit of row) top = Math.max(top, logit);
  let total = 0;
  for (const logit of row) total += Math.exp(logit - top);
  return top + Math.log(total);
}

/** Indices of the largest and second largest element; the first one wins a tie. */
function topTwo(row: Numbers): [number, number] {
  let [first, second] = [0, row.length > 1 ? 1 : 0];
  if (row[second]! > row[first]!) [first, second] = [second, first];
  for (let index = 2; index < row.length; index++) {
    if (row[index]! > row[first]!) [first, second] = [index, first];
    else if (row[index]! > row[second]!) second = index;
  }
  return [first, second];
}

import { factsOf } from "../trace/functional-sites.ts";
import type { Site } from "../trace/site.ts";
import type { Numbers } from "./distance.ts";
import type { Moved } from "./moved.ts";

/** The real tokens of one phase. */
export interface TokenMask {
  readonly batch: number;
  /** Phase slice [start, end) of the sequence. */
  readonly start: number;
  readonly end: number;
  /** `attention_mask`, row-major [batch, length]: 1 = a real token. */
  readonly mask: ArrayLike<number>;
  readonly length: number;
  /** How the rows of the site lie where a module has moved them. */
  readonly moved?: Moved;
}

/**
 * Sets the elements that belong to left-padding tokens to zero, in place: what a model computes there is nobody's
 * contract. Token axes are known by the kind of site: queries are the last `end - start` tokens, keys the last tokens
 * up to `end`.
 */
export function hidePadding(site: Site, given: readonly number[], tokens: TokenMask, values: Numbers): void {
  if (tokens.moved) return hideMoved(given, tokens.moved, tokens, values);
  const shape = unfolded(given, tokens);
  const axes = tokenAxes(site, shape, tokens);
  if (axes.length === 0) return;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const perBatch = strides[0]!;
  for (let batch = 0; batch < tokens.batch; batch++) {
    for (const axis of axes) {
      const size = shape[axis]!;
      if (size > tokens.end) continue; // an encoder's places, which are no tokens
      for (let token = 0; token < size; token++) {
        const position = tokens.end - size + token;
        if (tokens.mask[batch * tokens.length + position] === 0)
          zero(values, batch * perBatch, perBatch, strides[axis]!, size, token);
      }
    }
  }
}

/** Sets the rows of padding tokens to zero, wherever they went. */
function hideMoved(shape: readonly number[], moved: Moved, tokens: TokenMask, values: Numbers): void {
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const queries = tokens.end - tokens.start;
  moved.tokens.forEach((token, row) => {
    const place = Math.floor(token / queries) * tokens.length + tokens.start + (token % queries);
    if (tokens.mask[place] === 0) values.fill(0, row * width, (row + 1) * width);
  });
}

/**
 * Counts the elements of padding that are not a number in the engine alone: nobody's contract, but where 0 * NaN carries
 * them into real tokens they are the cause.
 */
export function paddingNotNumbers(
  site: Site,
  shape: readonly number[],
  tokens: TokenMask,
  { engine, reference }: { readonly engine: Numbers; readonly reference: Numbers },
): number {
  if (!engine.some(Number.isNaN)) return 0;
  const visible = engine.slice();
  hidePadding(site, shape, tokens, visible);
  let count = 0;
  for (let index = 0; index < engine.length; index++)
    if (Number.isNaN(engine[index]) && visible[index] === 0 && !Number.isNaN(reference[index])) count++;
  return count;
}

/**
 * Routers and experts see [B * S, ...]: the shape with its batch axis, when the first axis runs over the tokens of all
 * sequences.
 */
function unfolded(shape: readonly number[], { batch, start, end }: TokenMask): readonly number[] {
  const queries = end - start;
  if (shape[0] !== batch * queries || (queries === 1 && shape.length !== 2)) return shape;
  return [batch, queries, ...shape.slice(1)];
}

/** Zeroes index `token` of the axis with `stride` and `size`, within one batch row. */
function zero(values: Numbers, base: number, extent: number, stride: number, size: number, token: number): void {
  for (let outer = 0; outer < extent; outer += stride * size)
    values.fill(0, base + outer + token * stride, base + outer + (token + 1) * stride);
}

/** The axes of a site's tensor that run over tokens; none for tensors that are not per sequence. */
export function tokenAxes(site: Site, shape: readonly number[], tokens: TokenMask): number[] {
  if (shape[0] !== tokens.batch) return [];
  const known = factsOf(site);
  if (known) return shape.length === known.axes.length || known.axes.length === 0 ? [...known.tokenAxes] : [];
  const count = tokens.end - tokens.start;
  if (shape[1] === count) return [1];
  // What a norm of queries or keys gets may be [B, H, S, D].
  return shape.length === 4 && shape[2] === count && count > 1 ? [2] : [];
}

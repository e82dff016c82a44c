/** Tensors [B, heads, T, D] that grow along T, as caches do: their numbers are kept with room for more. */
import { PagedStates } from "../kernels/pages.ts";
import { concat, slice } from "./layout.ts";
import type { Tensor } from "./tensor.ts";
import { expectShape, floatTensor } from "./tensor.ts";

/** `states` behind `kept`, or alone. Neither is changed; what they share is not copied. */
export function append(kept: Tensor | null, states: Tensor): Tensor {
  if (kept === null) {
    const [batch, heads, , dim] = states.shape as [number, number, number, number];
    const paged = states.data && PagedStates.from(states.data, { heads: batch * heads, dim });
    return floatTensor(states.shape, paged, states.dtype);
  }
  expectShape("append", states.shape, kept.shape.with(2, -1));
  if (!(kept.storage instanceof PagedStates) || states.data === null) return concat([kept, states], 2);
  const shape = kept.shape.with(2, kept.size(2) + states.size(2));
  return floatTensor(shape, kept.storage.append(states.data), kept.dtype);
}

/** `states` without the first `count` tokens, not copied. */
export function without(states: Tensor, count: number): Tensor {
  if (!(states.storage instanceof PagedStates)) return slice(states, 2, count, states.size(2));
  return floatTensor(states.shape.with(2, states.size(2) - count), states.storage.without(count), states.dtype);
}

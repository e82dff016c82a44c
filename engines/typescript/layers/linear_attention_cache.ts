import { concat, slice } from "../tensor/layout.ts";
import { outlive } from "../tensor/scratch.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";

/**
 * The states that a linear-attention or state-space layer keeps between forwards, of one size however long the
 * sequence. The tensors are never changed, only replaced. Source: transformers 5.24.0, `cache_utils.py`,
 * `LinearAttentionLayer`.
 */
export class LinearAttentionCacheLayer {
  /** The last inputs of the convolution [B, channels, kernel]; null before the first forward. */
  conv: Tensor | null = null;
  /** [B, heads, ..., ...], in the dtype in which the first forward left it. */
  recurrent: Tensor | null = null;

  /**
   * Adds the convolution's inputs of new tokens [B, channels, S]; returns kept and new ones, at least `kernel` of them.
   */
  update_conv_state(states: Tensor, kernel: number): Tensor {
    const [batch, channels, length] = states.shape as [number, number, number];
    const missing = this.conv === null ? Math.max(kernel - length, 0) : 0;
    const before = this.conv ?? zeros([batch, channels, missing], states);
    const full = before.size(2) === 0 ? states : concat([before, states], 2);
    this.conv = outlive(slice(full, 2, full.size(2) - kernel, full.size(2)));
    return full;
  }

  update_recurrent_state(state: Tensor): void {
    this.recurrent = outlive(state);
  }
}

function zeros(shape: readonly number[], { data, dtype }: Tensor): Tensor {
  return floatTensor(shape, data && new Float32Array(shape.reduce((count, size) => count * size, 1)), dtype);
}

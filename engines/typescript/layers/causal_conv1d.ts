import { causal_conv1d } from "../kernels/convolution.ts";
import { slice } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import type { LinearAttentionCacheLayer } from "./linear_attention_cache.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";
import type { Size } from "./size.ts";

/** `torch.nn.Conv1d` with one group per channel, padded on the left alone: x [B, channels, S] -> the same shape. */
export class CausalConv1d extends Module {
  weight: Tensor;
  bias: Tensor | null;
  kernel_size: number;

  constructor(at: Scope, { channels, kernel, bias }: { channels: Size; kernel: Size; bias: boolean }) {
    super(at);
    this.weight = at.weight("weight", [channels, { value: 1, text: "1" }, kernel]);
    this.bias = bias ? at.weight("bias", [channels]) : null;
    this.kernel_size = kernel.value;
  }

  override get type(): string {
    return "Conv1d";
  }

  forward(x: Tensor): Tensor {
    const { weight, bias } = this;
    expectShape(`input of ${this.path}`, x.shape, [-1, weight.size(0), -1], ":in");
    if (x.data === null || weight.data === null) return floatTensor(x.shape, null, x.dtype);
    const [batch, channels, length] = x.shape as [number, number, number];
    const sizes = { batch, channels, length, kernel: weight.size(2) };
    return roundedTensor(
      x.shape,
      causal_conv1d(x.data, { weight: weight.data, bias: bias?.data ?? null }, sizes),
      x.dtype,
    );
  }

  /** Convolves x behind the inputs that `state` keeps of earlier forwards, and adds x to these. */
  continue_from(state: LinearAttentionCacheLayer | null, x: Tensor): Tensor {
    const full = state?.update_conv_state(x, this.kernel_size) ?? x;
    return slice(this.forward(full), 2, full.size(2) - x.size(2), full.size(2));
  }
}

/**
 * Hidden states [B, S, D] with zeros where `attention_mask` [B, S] is 0, so that padding leaves no trace in recurrent
 * states.
 */
export function apply_mask_to_padding_states(hidden_states: Tensor, attention_mask: IndexTensor | null): Tensor {
  if (attention_mask === null) return hidden_states;
  expectShape("padding mask", attention_mask.shape, hidden_states.shape.slice(0, 2));
  const { shape, data, dtype } = hidden_states;
  const width = hidden_states.size(2);
  const masked = data && data.map((x, i) => x * attention_mask.data[Math.floor(i / width)]!);
  return floatTensor(shape, masked, dtype);
}

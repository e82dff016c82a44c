/** The kernels. Built by `npm run kernels`, which writes ../kernels.wasm. */
export { activate, add, mul, mul_rows, round_bf16, round_f16, scale } from "./elementwise";
export { attention_context, attention_scores, mask_scores } from "./attention";
export { linear, SCRATCH_BYTES } from "./matmul";
export { layer_norm, rms_norm, softmax } from "./normalization";
export { gated_delta_rule, selective_scan } from "./recurrence";
export { rotary } from "./rotary";

/**
 * Architectures of other kinds as PyTorch engines run them: mixtures of experts, shared layers, recurrent states,
 * attention sinks and latent attention, models without a cache. A healthy PyTorch engine is green at every site, a
 * planted bug is located where it is.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { changeText } from "../../harness/verdict/words/change.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import type { RunOptions } from "../../harness/run/live.ts";
import { runCase } from "../../harness/run/live.ts";
import { architectureCase, architectures } from "../support/architectures.ts";
import { livePool } from "../support/live.ts";

const fileOf = (name: string): string => fileURLToPath(new URL(`../support/${name}.py`, import.meta.url));
const engine = `torch:${fileOf("torch_engine")}:healthy`;
const withExperts = ["mixtral", "qwen3_moe", "gpt_oss", "deepseek_v3"];
const dtypes = ["float32", "bfloat16"] as const;

const planted = [
  ["mixtral", "top_k_not_renormalised", "model.layers.2.mlp.gate:out.1", "prefill", /not made to sum to 1/],
  ["mixtral", "experts_off_by_one", "model.layers.0.mlp.gate:out.2", "prefill", /experts are numbered \+1, modulo 6/],
  ["mixtral", "one_expert_less", "model.layers.0.mlp.experts:out", "prefill"],
  [
    "mixtral",
    "value_of_states_before_the_norm",
    "model.layers.1.self_attn.v_proj:out",
    "prefill",
    /the module reads `model\.layers\.1\.input_layernorm:in` in place of its input/,
  ],
  ["mixtral", "indices_alone_permuted", "model.layers.1.mlp.gate:out.1", "prefill"],
  ["qwen3_moe", "norm_topk_prob_ignored", "model.layers.2.mlp.gate:out.1", "prefill"],
  [
    "gpt_oss",
    "sink_dropped",
    "model.layers.1.self_attn#probs",
    "prefill",
    /part 2 of the 2 .* left out: minus infinity/,
  ],
  ["gpt_oss", "softmax_before_top_k", "model.layers.1.mlp.router:out.1", "prefill", /softmax over all experts/],
  ["gpt_oss", "swiglu_not_clamped", "model.layers.0.mlp.experts:out", "prefill"],
  ["deepseek_v3", "scaling_factor_dropped", "model.layers.1.mlp.gate:out.1", "prefill"],
  ["deepseek_v3", "bias_in_weights", "model.layers.1.mlp.gate:out.1", "prefill", /with the bias of the choice in it/],
  ["deepseek_v3", "groups_ignored", "model.layers.2.mlp.gate:out.2", "prefill"],
  ["deepseek_v3", "kv_norm_skipped", "model.layers.0.self_attn.kv_a_layernorm:out", "prefill"],
  ["albert", "third_call_scaled", "albert.encoder.albert_layer_groups.0.albert_layers.0.attention#scores@2", "full"],
  [
    "albert",
    "second_call_other_norm",
    "albert.encoder.albert_layer_groups.0.albert_layers.0.full_layer_layer_norm:out@1",
    "full",
  ],
  ["bert", "gelu_tanh", "bert.encoder.layer.1.intermediate.intermediate_act_fn:out", "full", /GELU \(tanh\)/],
  ["bert", "causal", "bert.encoder.layer.2.attention.self#mask", "full", /keys up to the query/],
  ["mamba2", "time_step_bias_missing", "backbone.layers.2.mixer.norm:in", "prefill"],
  ["mamba2", "mamba_conv_lost", "backbone.layers.1.mixer.norm:in", "decode:1", /part 1 of the 2 .* left out: zeros/],
  ["mamba2", "mamba_recurrence_lost", "backbone.layers.1.mixer.norm:in", "decode:1"],
  ["qwen3_next", "delta_conv_lost", "model.layers.2.linear_attn.norm:in", "decode:1"],
  ["qwen3_next", "delta_recurrence_lost", "model.layers.0.linear_attn.norm:in", "decode:1"],
] as const;

async function verdictOf(
  architecture: string,
  options: { dtype?: RunOptions["dtype"]; fault?: string; explain?: number } = {},
) {
  const { dtype = "float32", fault, explain = 0 } = options;
  const file = withExperts.includes(architecture) ? "experts_faults" : "architectures_faults";
  const withFault = fault === undefined ? {} : { fault: { module: fileOf(file), name: fault } };
  return await runCase(livePool!, architectureCase(architecture, withFault), { engine, dtype, explain });
}

describe.skipIf(livePool === null)("a healthy engine", () => {
  describe.each(architectures)("of %s", (architecture) => {
    it.each(dtypes)("is green in %s", async (dtype) => {
      const verdict = await verdictOf(architecture, { dtype });
      expect(verdict.status, renderVerdict(verdict)).toBe("pass");
      expect(verdict.coverage.compared).toBe(verdict.coverage.total);
      expect(verdict.coverage.total).toBeGreaterThan(150);
    });
  });
});

describe.skipIf(livePool === null)("a planted bug", () => {
  it.each(planted)("of %s, %s, is located at %s", async (architecture, fault, site, phase, cause?: RegExp) => {
    const verdict = await verdictOf(architecture, { fault, ...(cause && { explain: 60 }) });
    expect(verdict.culprit?.site, renderVerdict(verdict)).toBe(site);
    expect(verdict.culprit?.phase).toBe(phase);
    if (cause) expect(verdict.culprit!.explanation!.candidates.map(changeText).join("\n")).toMatch(cause);
  });
});

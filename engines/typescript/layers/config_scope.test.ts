import { expect, test } from "vitest";
import { ConfigReads, viewConfig } from "./config_view.ts";
import { ConfiguredModule } from "./configured_module.ts";
import { LayerNorm, RMSNorm } from "./normalization.ts";
import { Construction, Scope } from "./scope.ts";

const config = {
  hidden_size: 12,
  num_attention_heads: 4,
  head_dim: 5,
  latent_rank: null as number | null,
  rms_norm_eps: 1e-3,
  attention_bias: false,
  hidden_act: "silu" as const,
};
type Config = typeof config;

/** A module whose children are fields, of sizes that are names of config fields. */
class Attention extends ConfiguredModule<Config> {
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", this.at.sum("hidden_size", [2, "head_dim"]), 1);
  norm = this.at.norm("norm", RMSNorm, "head_dim"); // a name that a method of the scope has, too
  post_norm = this.at.norm("post_norm", LayerNorm, "hidden_size", { eps: 1e-6, bias: false });
  sinks = this.at.parameter("sinks", "num_attention_heads");
}

function build<M>(make: (at: Scope, view: Config) => M) {
  const [reads, problems] = [new ConfigReads(), []];
  const construction = new Construction({
    context: { tracer: null, dtype: "F32", shapesOnly: false },
    weight: () => null,
    configFor: () => config,
    reads,
    modules: new Map(),
    weights: new Map(),
    tensors: [],
    problems,
  });
  const made = make(new Scope(construction, "self_attn"), viewConfig(config, { scope: "", reads }));
  return { made, construction, reads: reads.list(), problems: problems as { name: string; detail: string }[] };
}

test("a child's weights have its name, and its sizes the formulas of config fields", () => {
  const { problems } = build((at, view) => new Attention(at, view));
  expect(problems.map(({ name, detail }) => `${name} ${detail}`)).toMatchInlineSnapshot(`
    [
      "self_attn.q_proj.weight [20 = num_attention_heads 4 x head_dim 5, 12 = hidden_size 12]",
      "self_attn.k_proj.weight [1, 22 = hidden_size 12 + 2 x head_dim 5]",
      "self_attn.k_proj.bias [1]",
      "self_attn.norm.weight [5 = head_dim 5]",
      "self_attn.post_norm.weight [12 = hidden_size 12]",
      "self_attn.sinks [4 = num_attention_heads 4]",
    ]
  `);
});

test("what a child is made from is read by the module that has it", () => {
  const { made, reads } = build((at, view) => new Attention(at, view));
  expect([made.norm.eps, made.post_norm.eps, made.q_proj.bias]).toEqual([1e-3, 1e-6, null]);
  expect(new Set(reads.map(({ scope }) => scope))).toEqual(new Set(["self_attn"]));
  expect(reads.map(({ field }) => field)).toContain("rms_norm_eps");
});

test("a weight that no module has asked for can't be shared", () => {
  const tied = { weight: "model.embed_tokens.weight" };
  class Head extends ConfiguredModule<Config> {
    lm_head = this.at.linear("lm_head", "hidden_size", 7, { bias: false, tied });
  }
  expect(() => build((at, view) => new Head(at, view))).toThrowErrorMatchingInlineSnapshot(
    `[RangeError: self_attn.lm_head.weight: no module has asked for model.embed_tokens.weight yet]`,
  );
});

test("a closed scope makes nothing", () => {
  const { made, construction } = build((at, view) => new Attention(at, view));
  construction.close();
  expect(() => made.at.linear("late", "hidden_size", "head_dim")).toThrowErrorMatchingInlineSnapshot(
    `[Error: the model is built, and the scope of self_attn.late is closed: ask for weights and children in constructors and fields]`,
  );
});

test("a field that the config lacks, or that holds something else, does not compile", () => {
  // @ts-expect-error a misspelt field
  const misspelt = (at: Attention["at"]) => at.linear("q_proj", "hiden_size", "head_dim");
  // @ts-expect-error a misspelt field in a product
  const inProduct = (at: Attention["at"]) => at.linear("q_proj", "hidden_size", ["num_heads", "head_dim"]);
  // @ts-expect-error a field that is no number
  const noNumber = (at: Attention["at"]) => at.linear("q_proj", "hidden_size", "hidden_act");
  // @ts-expect-error a field that is no switch
  const noSwitch = (at: Attention["at"]) => at.linear("q_proj", "hidden_size", "head_dim", { bias: "head_dim" });
  // @ts-expect-error an option that this norm does not have
  const noOption = (at: Attention["at"]) => at.norm("norm", LayerNorm, "head_dim", { with_scale: false });
  const nullable = (at: Attention["at"]) => at.linear("q_proj", "hidden_size", "latent_rank");
  expect([misspelt, inProduct, noNumber, noSwitch, noOption, nullable]).toHaveLength(6);
});

test("a config without rms_norm_eps has to say which eps a norm has", () => {
  class Plain extends ConfiguredModule<{ readonly d_model: number }> {
    // @ts-expect-error no eps
    norm = this.at.norm("norm", RMSNorm, "d_model");
  }
  expect(Plain).toBeDefined();
});

/** Faults of qwen3_next ports: the delta net's layout, norms and states, the gated attention, the shared expert. */
import { floatTensor } from "../tensor/tensor.ts";
import { addRows, silu } from "../layers/pointwise.ts";
import type { Attention } from "../layers/attention.ts";
import type { Qwen3NextGatedDeltaNet } from "../models/qwen3_next/gated_delta_net.ts";
import type { Qwen3NextAttention, Qwen3NextSparseMoeBlock } from "../models/qwen3_next/model.ts";
import { cast, mul } from "../tensor/elementwise.ts";
import { concat } from "../tensor/layout.ts";
import { split } from "../tensor/split.ts";
import { change, mapElements, part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "qwen3_next";
const linear = `${textOnlyLayers}.0.linear_attn`;
const full = `${textOnlyLayers}.1.self_attn`;
const moe = `${textOnlyLayers}.0.mlp`;

export const queryAndGateInHalves: PlantedFault = {
  id: "qwen35-q-gate-interleave",
  title: "q_proj cut into a half of queries and one of gates, not head by head",
  category,
  case: "qwen3_next/chunked",
  at: `${full}.q_norm:in`,
  model(model) {
    const at = part<Qwen3NextAttention>(model, full);
    at.chunk = (query_and_gate) => {
      const width = query_and_gate.size(2) / 2;
      const [query, gate] = split(query_and_gate, [width, width]);
      return [at.split_heads(query), at.split_heads(gate)];
    };
  },
};

export const gateIsSilu: PlantedFault = {
  id: "qwen3-next-attention-gate-silu",
  title: "attention gated by silu in place of the sigmoid",
  category,
  case: "qwen3_next/chunked",
  at: `${full}.o_proj:in`,
  model(model) {
    part<Qwen3NextAttention>(model, full).gate = (attn_output, gate) => mul(attn_output, silu(gate));
  },
};

export const wholeHeadRotated: PlantedFault = {
  id: "qwen3-next-rotary-dim-twice",
  title: "partial_rotary_factor applied to a width that was already cut: only the first channels of the tables rotate",
  category,
  case: "qwen3_next/chunked",
  at: `${full}#q_rope`,
  model(model) {
    const narrow = (table: Parameters<Attention["apply_rotary_pos_emb"]>[1]) =>
      concat([split(table, [2, 1, 3])[0], split(table, [2, 1, 3])[0]], 2);
    change(
      part<Qwen3NextAttention>(model, full),
      "apply_rotary_pos_emb",
      (right) => (x, cos, sin) => right(x, narrow(cos), narrow(sin)),
    );
  },
};

export const projectionInBlocks: PlantedFault = {
  id: "qwen3-next-qkvz-in-blocks",
  title: "in_proj_qkvz read as four blocks, not key head by key head",
  category,
  case: "qwen3_next/chunked",
  at: `${linear}.norm:in`,
  model(model) {
    const at = part<Qwen3NextGatedDeltaNet>(model, linear);
    change(at, "fix_query_key_value_ordering", (right) => (qkvz, ba) => {
      const keys = at.num_k_heads * at.head_k_dim;
      const values = at.num_v_heads * at.head_v_dim;
      const [query, key, value, z] = split(qkvz, [keys, keys, values, values]);
      return { ...right(qkvz, ba), query, key, value, z };
    });
  },
};

export const keyHeadsTiled: PlantedFault = {
  id: "qwen3-next-key-heads-tiled",
  title:
    "key heads repeated as a whole (0 1 2 0 1 2), where each serves the value heads next to each other (0 0 1 1 2 2)",
  category,
  case: "qwen3_next/chunked",
  at: `${linear}.norm:in`,
  model(model) {
    const at = part<Qwen3NextGatedDeltaNet>(model, linear);
    change(at, "delta_rule", (right) => (convolved, options) => {
      const keys = at.num_k_heads * at.head_k_dim;
      const [query, key, value] = split(convolved, [keys, keys, convolved.size(2) - 2 * keys]);
      at.num_k_heads *= 2;
      const out = right(concat([query, query, key, key, value], 2), options);
      at.num_k_heads /= 2;
      return out;
    });
  },
};

export const keysNotNormed: PlantedFault = {
  id: "qwen3-next-l2norm-missing",
  title: "queries and keys of the delta rule not brought to unit length",
  category,
  case: "qwen3_next/chunked",
  at: `${linear}.norm:in`,
  model(model) {
    part<Qwen3NextGatedDeltaNet>(model, linear).l2norm = (x) => x;
  },
};

export const stepBiasMissing: PlantedFault = {
  id: "qwen3-next-dt-bias-behind-softplus",
  title: "dt_bias added behind softplus",
  category,
  case: "qwen3_next/chunked",
  at: `${linear}.norm:in`,
  model(model) {
    const at = part<Qwen3NextGatedDeltaNet>(model, linear);
    at.g = (a) => {
      const steps = addRows(
        mapElements(cast(a, "F32"), (x) => Math.log1p(Math.exp(x))),
        cast(at.dt_bias, "F32"),
      );
      const heads = at.num_v_heads;
      return mapElements(steps, (step, i) => -Math.exp(at.A_log.data![i % heads]!) * step);
    };
  },
};

export const gateBeforeNorm: PlantedFault = {
  id: "qwen3-next-gate-before-norm",
  title: "the gate multiplied before the norm, as mamba2 does, not behind it",
  category,
  case: "qwen3_next/chunked",
  at: `${linear}.norm:out`,
  model(model) {
    const { norm } = part<Qwen3NextGatedDeltaNet>(model, linear);
    const ones = (x: Parameters<typeof norm.forward>[0]) => mapElements(x, () => 1.278464542761074); // silu(x) = 1
    change(norm, "forward", (right) => (hidden_states, gate) => right(mul(hidden_states, silu(gate!)), ones(gate!)));
  },
};

export const gatedNormPlusOne: PlantedFault = {
  id: "qwen3-next-gated-norm-plus-one",
  title: "1 + weight in the gated norm too, when a converter adds 1 to all norms",
  category,
  case: "qwen3_next/chunked",
  at: `${linear}.norm:out`,
  weights: (name, tensor) =>
    name === `${linear}.norm.weight`
      ? floatTensor(
          tensor.shape,
          tensor.data!.map((x) => x + 1),
          tensor.dtype,
        )
      : tensor,
};

export const stateOfFirstChunkLost: PlantedFault = {
  id: "qwen3-next-recurrent-state-lost",
  title: "the delta rule of a second chunk starts from zeros: only single tokens continue its state",
  category,
  case: "qwen3_next/chunked",
  at: `${linear}.norm:in`,
  phase: "chunk:1",
  model(model) {
    change(part<Qwen3NextGatedDeltaNet>(model, linear), "delta_rule", (right) => (convolved, options) => {
      if (options.state && convolved.size(1) > 1) options.state.recurrent = null;
      return right(convolved, options);
    });
  },
};

export const sharedExpertNotGated: PlantedFault = {
  id: "lmdeploy-qwen2moe-shared-gate",
  title: "the shared expert's gate left out",
  category,
  case: "qwen3_next/chunked",
  at: `${moe}:out`,
  model(model) {
    part<Qwen3NextSparseMoeBlock>(model, moe).shared_gate = (logits) => mapElements(logits, () => 1);
  },
};

export const weightsNotNormalised: PlantedFault = {
  id: "qwen3-next-norm-topk-prob-ignored",
  title: "the chosen experts' weights not divided by their sum: norm_topk_prob ignored",
  category,
  case: "qwen3_next/chunked",
  at: `${moe}.gate:out.1`,
  model(model) {
    part<Qwen3NextSparseMoeBlock>(model, moe).gate.norm_topk_prob = false;
  },
};

export const causes = {
  "qwen3-next-attention-gate-silu": "sigmoid:SiLU",
  "qwen3-next-gated-norm-plus-one": "weight: 1\\+w",
  "qwen3-next-l2norm-missing": "mul:without the second",
  "qwen35-q-gate-interleave": "view 1: axis 2 blocks 2 x 4",
  "lmdeploy-qwen2moe-shared-gate": "mul:without the first",
  "qwen3-next-norm-topk-prob-ignored": "softmax over all experts, not made to sum to 1",
  "qwen3-next-rotary-dim-twice": "part 2 halves",
};

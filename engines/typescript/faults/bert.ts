/** Faults of bert ports. */
import { activations } from "../kernels/activations.ts";
import type { Activation } from "../layers/activations.ts";
import type { EncoderRootModel } from "../layers/encoder.ts";
import type { Linear } from "../layers/linear.ts";
import type { BertEmbeddings, BertPooler, BertSelfOutput } from "../models/bert.ts";
import { reshape, slice } from "../tensor/layout.ts";
import { indexTensor } from "../tensor/tensor.ts";
import { change, part } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "bert";
const layer = "bert.encoder.layer";

export const tanhGelu: PlantedFault = {
  id: "candle-gelu-erf",
  title: "gelu computed with tanh where hidden_act asks for the exact one",
  category,
  case: "bert/masked_lm",
  at: `${layer}.1.intermediate.intermediate_act_fn:out`,
  model(model) {
    part<Activation>(model, `${layer}.1.intermediate.intermediate_act_fn`).activation = activations.gelu_new;
  },
};

export const causal: PlantedFault = {
  id: "bert-causal-mask",
  title: "an encoder run through the causal mask of a decoder",
  category,
  case: "bert/masked_lm",
  at: `${layer}.0.attention.self#mask`,
  model({ root }) {
    (root as EncoderRootModel).masks.is_causal = true;
  },
};

export const noSegments: PlantedFault = {
  id: "bert-token-types-ignored",
  title: "token_type_ids ignored: every token of the first segment",
  category,
  case: "bert/masked_lm",
  at: "bert.embeddings.token_type_embeddings:in",
  model(model) {
    change(part<BertEmbeddings>(model, "bert.embeddings"), "places", (right) => (input_ids, inputs) => {
      const { position_ids, token_type_ids } = right(input_ids, inputs);
      return {
        position_ids,
        token_type_ids: indexTensor(
          token_type_ids.shape,
          token_type_ids.data.map(() => 0),
        ),
      };
    });
  },
};

export const robertaPositions: PlantedFault = {
  id: "bert-positions-of-roberta",
  title: "positions that start behind the padding id, as RoBERTa's do",
  category,
  case: "bert/masked_lm",
  at: "bert.embeddings.position_embeddings:in",
  model(model) {
    change(part<BertEmbeddings>(model, "bert.embeddings"), "places", (right) => (input_ids, inputs) => {
      const { position_ids, token_type_ids } = right(input_ids, inputs);
      return {
        token_type_ids,
        position_ids: indexTensor(
          position_ids.shape,
          position_ids.data.map((at) => at + 1),
        ),
      };
    });
  },
};

export const residualOfNorm: PlantedFault = {
  id: "bert-attention-residual-missing",
  title: "the output of attention normed without the residual",
  category,
  case: "bert/masked_lm",
  at: `${layer}.1.attention.output.LayerNorm:in`,
  model(model) {
    part<BertSelfOutput>(model, `${layer}.1.attention.output`).add_residual = (hidden_states) => hidden_states;
  },
};

export const noDecoderBias: PlantedFault = {
  id: "bert-decoder-bias-missing",
  title: "the head's bias, which checkpoints store under another module, never applied",
  category,
  case: "bert/masked_lm",
  at: "cls.predictions.decoder:out",
  model(model) {
    part<Linear>(model, "cls.predictions.decoder").bias = null;
  },
};

export const lastToken: PlantedFault = {
  id: "bert-pooler-last-token",
  title: "the last token pooled in place of the first",
  category,
  case: "bert/pooler",
  at: "pooler.dense:in",
  model(model) {
    part<BertPooler>(model, "pooler").first_token = (states) => {
      const length = states.size(1);
      return reshape(slice(states, 1, length - 1, length), [states.size(0), states.size(2)]);
    };
  },
};

export const causes = {
  "candle-gelu-erf": "gelu_tanh",
  "bert-causal-mask": "mask/keys all -> up to the query",
  "bert-token-types-ignored": "token_type_ids zero",
  "bert-positions-of-roberta": "\\+1",
  "bert-attention-residual-missing": "add:without the second",
  "bert-decoder-bias-missing": "weight/bias: zero",
  "bert-pooler-last-token": "last|from elsewhere",
};

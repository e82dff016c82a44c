/** Faults of mamba2 ports. */
import { rms_norm } from "../kernels/normalization.ts";
import type { Mamba2Mixer } from "../models/mamba2.ts";
import { mulRows } from "../tensor/elementwise.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { change, part } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "mamba2";
const mixer = "backbone.layers.1.mixer";

export const normOverAllGroups: PlantedFault = {
  id: "mamba2-group-norm",
  title: "the gated norm taken over all channels, not over each group",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:out`,
  model(model) {
    const { norm } = part<Mamba2Mixer>(model, mixer);
    norm.group_size = norm.weight.size(0);
  },
};

export const gateBehindNorm: PlantedFault = {
  id: "mamba2-norm-before-gate",
  title: "the gate multiplied behind the norm (norm_before_gate), not before it",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:out`,
  model(model) {
    const { norm } = part<Mamba2Mixer>(model, mixer);
    norm.forward = (hidden_states, gate) => {
      const { data, shape } = hidden_states;
      const normed = floatTensor(shape, data && rms_norm(data, norm.group_size, norm.eps));
      return norm.gate(mulRows(normed, norm.weight), gate);
    };
  },
};

export const timeStepsClamped: PlantedFault = {
  id: "mlx-nemotronh-dt-clamp",
  title: "time steps clamped to time_step_min and time_step_max, which only initialise them",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:in`,
  model(model) {
    part<Mamba2Mixer>(model, mixer).time_step_limit = [0.001, 0.1];
  },
};

export const limitsIgnored: PlantedFault = {
  id: "mamba2-time-step-limit-ignored",
  title: "time_step_limit not applied",
  category,
  case: "mamba2/limits",
  at: "backbone.layers.0.mixer.norm:in",
  model(model) {
    part<Mamba2Mixer>(model, "backbone.layers.0.mixer").time_step_limit = [0, Infinity];
  },
};

export const chunkFromZeroState: PlantedFault = {
  id: "hf-mamba2-chunk-decode-path",
  title: "a second chunk starts from a zero recurrent state: only single tokens continue it",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:in`,
  phase: "chunk:1",
  model(model) {
    change(part<Mamba2Mixer>(model, mixer), "scan", (right) => (states, dt, { state, recurrent }) => {
      if (state && !recurrent) state.recurrent = null;
      return right(states, dt, { state, recurrent });
    });
  },
};

export const chunkFromZeroConvolution: PlantedFault = {
  id: "mamba2-chunk-conv-state-lost",
  title: "the convolution of a second chunk sees zeros before its first token",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:in`,
  phase: "chunk:1",
  model(model) {
    change(part<Mamba2Mixer>(model, mixer), "convolve", (right) => (states, state) => {
      if (state && states.size(2) > 1) state.conv = null;
      return right(states, state);
    });
  },
};

export const paddingNotZeroed: PlantedFault = {
  id: "mamba2-padding-in-state",
  title: "hidden states of padding not zeroed: they enter convolution and recurrent state",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:in`,
  model(model) {
    part<Mamba2Mixer>(model, mixer).mask_padding = (hidden_states) => hidden_states;
  },
};

export const convolutionNotActivated: PlantedFault = {
  id: "mamba2-conv-activation-missing",
  title: "no activation behind the convolution",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:in`,
  model(model) {
    part<Mamba2Mixer>(model, mixer).act.forward = (x) => x;
  },
};

export const logOfANotExponentiated: PlantedFault = {
  id: "mamba2-a-log-not-exponentiated",
  title: "A = -A_log, without the exponential",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:in`,
  model(model) {
    const at = part<Mamba2Mixer>(model, mixer);
    at.A = () => at.A_log.data && at.A_log.data.map((x) => -x);
  },
};

export const skipMissing: PlantedFault = {
  id: "mamba2-d-skip-missing",
  title: "the skip connection D x left out",
  category,
  case: "mamba2/chunked",
  at: `${mixer}.norm:in`,
  model(model) {
    part<Mamba2Mixer>(model, mixer).D.data?.fill(0);
  },
};

export const causes = {
  "mamba2-group-norm": "mean:all",
  "mamba2-time-step-limit-ignored": "clamp:left out",
  "hf-mamba2-chunk-decode-path": "cat:0 zero",
  "mamba2-chunk-conv-state-lost": "cat:0 zero",
  "mamba2-padding-in-state": "mul:without the second",
  "mamba2-conv-activation-missing": "silu:none",
  "mamba2-a-log-not-exponentiated": "exp:relu", // of positive numbers
  "mamba2-d-skip-missing": "weight/D: zero",
};

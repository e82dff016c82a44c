/** Changes of the reference for tests of what reports print: made up, but worded as runs give them. */
import { type Counterfactual, counterfactual } from "../verdict/explanation.ts";

/** An eps that is another number. */
export const eps = counterfactual.parse({
  id: "scalar/Gemma4UnifiedRMSNorm:166.0/add=1e-06",
  category: "norm-eps",
  changes: [
    {
      kind: "number",
      operations: ["add"],
      expected: { value: 0.001, name: { kind: "attribute", path: "eps", value: 0.001, power: 1 } },
      found: { value: 1e-6, name: { kind: "usual" } },
    },
  ],
  part: null,
  fitted: 0,
  form: false,
  about: ["eps"],
  sources: [
    {
      file: "modeling_gemma4_unified.py",
      line: 166,
      text: "mean_squared = hidden_states.pow(2).mean(-1, keepdim=True) + self.eps",
    },
  ],
  ratio: 0.7181,
  phases: ["prefill"],
  not_in: [],
});

/** A norm with its eps outside the root. */
export const outside: Counterfactual = {
  ...eps,
  id: "norm/outside",
  category: "norm",
  changes: [
    {
      kind: "norm",
      expected: { norm: "rms", weight: "w" },
      found: { norm: "rms with eps outside the root", weight: "w", parts: null, eps: true },
    },
  ],
};

/** A factor for each token: a form of the error. */
export const perToken: Counterfactual = {
  ...eps,
  id: "error/rows",
  category: "pattern",
  form: true,
  changes: [
    {
      kind: "per index",
      axis: { name: "token", index: 1, size: 19 },
      each: "factor",
      numbers: [1.02, 0.98, 1.01],
    },
  ],
  sources: [],
};

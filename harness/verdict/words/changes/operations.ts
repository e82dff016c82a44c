/** Clauses about changes of operations. */
import type { Change, ChangeOf } from "../../change.ts";
import type { Words } from "./shared.ts";
import { numberText, subjectText } from "./shared.ts";

type Activation = ChangeOf<"activation">["found"];
type Norm = ChangeOf<"norm">["found"]["norm"];

const activations: Readonly<Record<Activation, string>> = {
  gelu_erf: "GELU (erf)",
  gelu_tanh: "GELU (tanh)",
  quick_gelu: "quick GELU",
  silu: "SiLU",
  relu: "ReLU",
  relu_squared: "squared ReLU",
  sigmoid: "the sigmoid",
  tanh: "tanh",
  softplus: "softplus",
  relu6: "ReLU6",
  elu: "ELU",
  selu: "SELU",
  mish: "Mish",
  hard_swish: "hard swish",
  leaky_relu: "leaky ReLU",
  exp: "the exponential",
  none: "nothing (the identity)",
};

const norms: Readonly<Record<Norm, string>> = {
  rms: "an RMS norm",
  layer: "a layer norm (mean subtracted)",
  "rms with eps outside the root": "an RMS norm with eps added outside the root",
  "rms with eps as a lower bound": "an RMS norm with eps as a lower bound of the mean square",
  "rms with eps in the sum": "an RMS norm with eps added to the sum of squares, before it is divided by their number",
  "square of the mean": "a division by the root of the square of the mean, not of the mean of squares",
  "mean of magnitudes": "a division by the mean of magnitudes",
  "mean square without the root": "a division by the mean square, without the root",
  l2: "an L2 norm",
  "mean subtracted only": "a subtraction of the mean, without a division",
  "layer with unbiased variance": "a layer norm with the unbiased variance",
  "rms around the mean": "a division by the standard deviation, without a subtraction of the mean",
  "rms over the last two axes": "an RMS norm over the last two axes together",
  "rms over all but the first": "an RMS norm over all axes but the first",
  "rms over the axis before the last": "an RMS norm over the axis before the last",
  "rms of the first half": "a division by the RMS of the first half of the features",
  "rms of each half": "an RMS norm of each half of the features by itself",
  "rms of parts": "an RMS norm of each part of the features by itself",
  "largest magnitude": "a division by the largest magnitude",
  "rms twice": "an RMS norm applied twice",
  none: "no norm",
};

const weightings = { w: " with the weight w", "1 + w": " with the weight 1 + w", none: " without its weight" } as const;
/** The part of a norm that remains when the norm is left out. */
const leftOf = {
  w: ": only its weight is applied, where it has one",
  "1 + w": ": only 1 + w is applied, where w is its weight",
  none: ", and its weight with it",
} as const;
const operands = { 1: "first", 2: "second" } as const;
const formats = { bfloat16: "bfloat16", float16: "float16", TF32: "TF32", "TF32 cut off": "TF32 (cut off)" } as const;
const scales = {
  tensor: "one scale for all of it",
  row: "a scale for each row",
  token: "a scale for each token",
} as const;

/** Operations by what a reader calls them; the others by their own name. */
const operationNames: Readonly<Record<string, string>> = {
  add: "a sum (`add`)",
  sub: "a difference (`sub`)",
  mul: "a product (`mul`)",
  div: "a quotient (`div`)",
  exp: "an exponential that is not normalised",
  sum: "a sum over the axis",
  mean: "the mean over the axis (`mean`)",
  "mean of all features": "the mean over the last two axes together",
  log_softmax: "a log-softmax",
  sigmoid: "a sigmoid",
  "softmax plus one": "a softmax with a one added to its sum",
  "softmax over the axis before the last": "a softmax over the axis before the last",
  "softmax to base 2": "a softmax with powers of 2 in place of e",
};

export const operationWords = {
  "left out": ({ operation }) =>
    operation === "neg"
      ? "a minus sign (`neg`) is left out"
      : `\`${operation}\` is left out: its input goes on as it is`,
  "operand left out": ({ operation, operand }) =>
    `the ${operands[operand]} operand of \`${operation}\` is left out: the other one goes on as it is`,
  "operand changed": ({ operation, operand, to }) =>
    `\`${operation}\` takes ${to.replace("x", "w")} where its ${operands[operand]} operand is w`,
  "applied twice": ({ operation }) => `\`${operation}\` is applied twice`,
  operation: ({ expected, found }) => `${operationName(found)} is taken in place of ${operationName(expected)}`,
  activation: ({ expected, found }) =>
    `the activation is ${activations[found]} in place of ${expectedActivation(expected)}`,
  "activation constants": ({ expected, root, cube }) =>
    `the activation is GELU (tanh) with the constants ${numberText(root, 8)} and ${numberText(cube, 8)} in place of ${expectedActivation(expected)}`,
  "input activated": ({ activation }) => `the module's input goes through ${activations[activation]} first`,
  condition: ({ operation, to }) =>
    to === "inverted" ? `the condition of \`${operation}\` is inverted` : `the condition of \`${operation}\` is ${to}`,
  "number of largest": ({ expected, found }) =>
    `the ${found} largest are taken (\`topk\`), the reference takes ${expected}`,
  "part changed": ({ operation, part, parts, to }) => {
    const which = `part ${part} of the ${parts} that \`${operation}\` joins`;
    return to === "-x" ? `${which} has the other sign` : `${which} is left out: ${to} in its place`;
  },
  norm: ({ expected, found }) => {
    const differs = expected.weight !== found.weight;
    const eps = found.eps || found.norm === "none" ? "" : ", without eps";
    if (found.norm === "none") return `the norm is left out${leftOf[differs ? found.weight : "w"]}`;
    const kind = found.parts === null ? norms[found.norm] : `an RMS norm of each of ${found.parts} parts by itself`;
    const [ours, theirs] = differs ? [weightings[found.weight], weightings[expected.weight]] : ["", ""];
    return `the norm is ${kind}${ours}${eps}, in place of ${norms[expected.norm]}${theirs}`;
  },
  rounded: ({ of, to }) => `${subjectText(of)} is rounded to ${formats[to]}`,
  quantised: ({ of, scale }) => `${subjectText(of)} is quantised to 8 bits with ${scales[scale]}`,
} satisfies Partial<Words>;

function operationName(operation: string): string {
  return operationNames[operation] ?? `\`${operation}\``;
}

function expectedActivation(expected: Extract<Change, { kind: "activation" }>["expected"]): string {
  return typeof expected === "string" ? activations[expected] : `what \`${expected.module}\` computes`;
}

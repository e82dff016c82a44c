/** Clauses about changes of weights and modules. */
import type { ChangeOf } from "../../change.ts";
import type { Words } from "./shared.ts";
import { namedNumber } from "./shared.ts";

/** Rows that are told. */
const rowsShown = 8;

const scores: Readonly<Record<ChangeOf<"expert choice">["score"], string>> = {
  softmax: "the softmax over all experts",
  sigmoid: "the sigmoid",
  logits: "the raw logits",
  relu: "the ReLU",
  exp: "the exponential",
  "softmax over the chosen": "the softmax over the chosen experts",
};

/** Functions of a weight: what is done with it, behind its name. */
const functions: Readonly<Record<ChangeOf<"weight">["to"], (w: string) => string>> = {
  zeros: (w) => `${w} is zero: not loaded, or left out`,
  ones: (w) => `${w} is one everywhere: not loaded`,
  "1 + w": (w) => `1 + w is used, where w is ${w}`,
  "w - 1": (w) => `w - 1 is used, where w is ${w}`,
  "-w": (w) => `${w} has the other sign`,
  "2w": (w) => `${w} is used twice`,
  "w / 2": (w) => `half of ${w} is used`,
  "1 / w": (w) => `the inverse 1 / w is used, where w is ${w}`,
  "w^2": (w) => `${w} is squared, or applied twice`,
  "exp(w)": (w) => `exp(w) is used, where w is ${w}`,
};

const transpositions: Readonly<Record<ChangeOf<"weight transposed">["how"], string>> = {
  transposed: "is transposed",
  "stored transposed": "is read as if it were stored transposed",
  reshaped: "is reshaped where it should be transposed",
};

export const weightWords = {
  weight: ({ weight, to }) => functions[to](`\`${weight}\``),
  "weight and number": ({ weight, operation, number }) =>
    operation === "+"
      ? `\`${weight}\` has ${namedNumber(number)} added to it`
      : `\`${weight}\` is multiplied by ${namedNumber(number)}`,
  "other weight": ({ weight, found }) => `\`${weight}\` is that of \`${found}\``,
  "weight transposed": ({ weight, how }) => `\`${weight}\` ${transpositions[how]}`,
  "rows of siblings": ({ weight, rows, count, bias }) => {
    const shown = rows.slice(0, rowsShown).map((row) => `${lastModule(row.weight)}[${row.row}]`);
    const more = count > shown.length ? ", ..." : "";
    return `the rows of \`${weight}\` are ${shown.join(", ")}${more}${bias === "own" ? ", with the right bias" : ""}`;
  },
  "one element": ({ weight, row, column }) => `one element of \`${weight}\`, at [${row}, ${column}], has another value`,
  "another matrix": ({ weight }) =>
    `the module's input goes through another matrix than \`${weight}\`, one that is in no tensor of the checkpoint`,
  "module left out": ({ module, output }) =>
    output === "zeros"
      ? `the output of \`${module}\` is left out: zeros`
      : `\`${module}\` is left out: its input goes on`,
  "norm applied too": ({ module }) => `\`${module}\` is applied here, too`,
  "expert weights": ({ score, normalised, factor, biased }) => {
    const sum = normalised ? ", made to sum to 1" : ", not made to sum to 1";
    const times = factor ? `, times ${namedNumber(factor)}` : "";
    return `experts are weighted by ${scores[score]}${sum}${times}${biased ? ", with the bias of the choice in it" : ""}`;
  },
  "expert choice": ({ score, which, biased }) =>
    `the experts with the ${which} values of ${scores[score]}${biased ? " plus the bias" : ""} are chosen, without groups`,
  "experts renumbered": ({ by, count }) => `experts are numbered ${by > 0 ? "+" : ""}${by}, modulo ${count}`,
} satisfies Partial<Words>;

/** `gate_proj` of `model.layers.3.mlp.gate_proj.weight`. */
function lastModule(path: string): string {
  return path.split(".").at(-2) ?? path;
}

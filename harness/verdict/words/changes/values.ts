/** Clauses about changes of values. */
import type { ChangeOf } from "../../change.ts";
import type { Words } from "./shared.ts";
import { namedNumber, numberText, tensorText } from "./shared.ts";

/** Numbers of a form that are told. */
const numbersShown = 6;

const combined = { "+": "the sum", "-": "the difference", x: "the product" } as const;

export const valueWords = {
  number: ({ operations, expected, found }) => {
    const where = operations.map((operation) => `\`${operation}\``).join(" and ");
    return `the number in ${where} is ${namedNumber(found, expected.value)}, the reference has ${namedNumber(expected, found.value)}`;
  },
  function: ({ of, function: name, number }) =>
    functionText(of === "tensor" ? "the tensor" : "the module's input", name, number),
  line: ({ factor, offset }) =>
    `the tensor is multiplied by ${namedNumber(factor)}, then ${namedNumber(offset)} is added`,
  "per index": ({ axis, each, numbers }) => {
    const one = axis.name ?? `index of axis ${axis.index}`;
    const shown = numbers.slice(0, numbersShown).map((value) => numberText(value, 4));
    const more = axis.size > shown.length ? ", ..." : "";
    const list = shown.length > 0 ? ` (${shown.join(", ")}${more})` : "";
    return `each ${one} is ${each === "factor" ? "multiplied by a factor" : "shifted by an offset"} of its own${list}`;
  },
  "term instead": ({ tensor }) => `${tensorText(tensor)} is taken in place of this tensor`,
  "input instead": ({ tensor }) => `the module reads ${tensorText(tensor)} in place of its input`,
  "term added": ({ tensor, factor }) => {
    if (factor.value === 1) return `${tensorText(tensor)} is added once more`;
    if (factor.value === -1) return `${tensorText(tensor)} is subtracted, or not added where it belongs`;
    return `${tensorText(tensor)} times ${namedNumber(factor)} is added`;
  },
  "terms combined": ({ first, operation, second }) =>
    `${combined[operation]} of ${tensorText(first)} and ${tensorText(second)} is taken in place of this tensor`,
  "weight used": ({ operation, weight }) =>
    operation === "plus" ? `\`${weight}\` is added to the tensor` : `the tensor is ${operation} \`${weight}\``,
} satisfies Partial<Words>;

function functionText(
  of: string,
  name: ChangeOf<"function">["function"],
  number: ChangeOf<"function">["number"],
): string {
  const c = namedNumber(number);
  switch (name) {
    case "multiplied by":
      return `${of} is multiplied by ${c}`;
    case "plus":
      return `${of} has ${c} added to it`;
    case "soft-capped":
      return `${of} is soft-capped at ${c}: c tanh(x / c)`;
    case "clipped":
      return `${of} is clipped to +-${c}`;
    case "at most":
      return `${of} is clipped from above to at most ${c}`;
    case "at least":
      return `${of} is clipped from below to at least ${c}`;
    case "at least minus":
      return `${of} is clipped from below to at least -${c}`;
    case "power":
      return `the magnitude of ${of === "the tensor" ? "its values" : of} is raised to the power ${c}`;
    case "negative values multiplied by":
      return `negative values of ${of} are multiplied by ${c}`;
    case "multiples of":
      return `${of} is rounded to multiples of ${c}`;
  }
}

/**
 * Sentences about differences beside the sites' values: tensors, sites that only one side has, an engine that disagrees
 * with itself.
 */
import type { DeclaredTensor, TensorAudit, ValueDifference } from "../audit.ts";
import type { Verdict } from "../schema.ts";
import { some } from "./lists.ts";
import { format } from "./ratio.ts";

/** One sentence for each kind of difference, without full stops; empty where there is none. */
export function differenceTexts({
  consistency,
  amplification,
  tensor_audit,
  coverage,
}: Pick<Verdict, "consistency" | "amplification" | "tensor_audit" | "coverage">): string[] {
  return [
    ...consistency.flatMap(({ engine, status, worst }) =>
      status === "fail" && worst
        ? [
            `${engine} disagrees with itself: ${worst.site} in ${worst.phase} is ${format(worst.ratio)}x noise from the full forward`,
          ]
        : [],
    ),
    ...amplification.flatMap(({ status, phase, ratio, amplified }) =>
      status === "fail"
        ? [
            `every site is right on its own data, but the logits in ${phase} are ${format(ratio)}x noise apart, and rounding at every site grows to ${format(amplified)}x: something that no site shows is wrong, or small errors add up`,
          ]
        : [],
    ),
    ...(tensor_audit ? tensorTexts(tensor_audit) : []),
    ...(coverage.unexpected.length > 0 ? [`sites that the reference lacks: ${some(coverage.unexpected)}`] : []),
  ];
}

function tensorTexts({ missing, unexpected, different, values }: TensorAudit): string[] {
  const lists = [
    ["lacks tensors", missing],
    ["has tensors that the reference lacks", unexpected],
    [
      "has other tensors",
      different.map(
        ({ name, expected, found }) => `${name} ${declaredText(found)}, expected ${declaredText(expected)}`,
      ),
    ],
    ["has other numbers in", values?.different.map(valuesText) ?? []],
  ] as const;
  return lists.flatMap(([what, names]) => (names.length > 0 ? [`the engine ${what}: ${some(names)}`] : []));
}

/** `gate.bias (8 of 8 differ, by 0.2 %: the reference's rounded to bfloat16)`. */
export function valuesText({ name, count, of, relative, rounded_to: rounded }: ValueDifference): string {
  if (count === null) return name;
  const size = relative === null ? "" : `, by ${(100 * relative).toPrecision(2)} %`;
  const precision =
    rounded === null ? "" : `: the reference's rounded to ${rounded === "BF16" ? "bfloat16" : "float16"}`;
  return `${name} (${count} of ${of} differ${size}${precision})`;
}

/** `[24, 40]`, `[24, 40] tied to model.embed_tokens.weight`. */
export function declaredText({ shape, tied_to: tied }: DeclaredTensor): string {
  return `[${shape.join(", ")}]${tied === null ? "" : ` tied to ${tied}`}`;
}

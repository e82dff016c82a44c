/**
 * Sentences about differences beside the sites' values: tensors, sites that only one side has, an engine that disagrees
 * with itself.
 */
import type { DeclaredTensor, TensorAudit } from "../audit.ts";
import type { Verdict } from "../schema.ts";
import { some } from "./lists.ts";
import { format } from "./ratio.ts";

/** One sentence for each kind of difference, without full stops; empty where there is none. */
export function differenceTexts({
  consistency,
  tensor_audit,
  coverage,
}: Pick<Verdict, "consistency" | "tensor_audit" | "coverage">): string[] {
  return [
    ...consistency.flatMap(({ engine, status, worst }) =>
      status === "fail" && worst
        ? [
            `${engine} disagrees with itself: ${worst.site} in ${worst.phase} is ${format(worst.ratio)}x noise from the full forward`,
          ]
        : [],
    ),
    ...(tensor_audit ? tensorTexts(tensor_audit) : []),
    ...(coverage.unexpected.length > 0 ? [`sites that the reference lacks: ${some(coverage.unexpected)}`] : []),
  ];
}

function tensorTexts({ missing, unexpected, different }: TensorAudit): string[] {
  const lists = [
    ["lacks tensors", missing],
    ["has tensors that the reference lacks", unexpected],
    [
      "has other tensors",
      different.map(
        ({ name, expected, found }) => `${name} ${declaredText(found)}, expected ${declaredText(expected)}`,
      ),
    ],
  ] as const;
  return lists.flatMap(([what, names]) => (names.length > 0 ? [`the engine ${what}: ${some(names)}`] : []));
}

/** `[24, 40]`, `[24, 40] tied to model.embed_tokens.weight`. */
export function declaredText({ shape, tied_to: tied }: DeclaredTensor): string {
  return `[${shape.join(", ")}]${tied === null ? "" : ` tied to ${tied}`}`;
}

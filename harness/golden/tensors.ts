/**
 * Prepares the tensor of a site for its sketch, in the same way when goldens are recorded and when they are checked.
 */
import { inOrderOfChoice } from "../compare/choice.ts";
import type { Numbers } from "../compare/distance.ts";
import { hidePadding } from "../compare/padding.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { Case } from "../case/case.ts";
import type { InputsFile } from "../case/inputs-file.ts";
import type { Side } from "../run/pairing.ts";
import type { Ready } from "../run/routers.ts";

/** The tensor of one side; experts that a router chose, and their weights, in the order of the experts. */
export function tensorOf({ group, routing }: Ready, side: Side): RawTensor {
  const [tensor, choice] = [group.sides[side]!, routing?.choice.sides[side]];
  return choice ? inOrderOfChoice(tensor, choice) : tensor;
}

/** A tensor's values with left padding hidden. */
export function visible(
  { testCase, inputs }: { readonly testCase: Case; readonly inputs: InputsFile },
  { site, phase }: { readonly site: string; readonly phase: string },
  tensor: RawTensor,
): Numbers {
  const spec = testCase.phases.find(({ name }) => name === phase);
  const values = toNumbers(tensor);
  if (!inputs.padded || !spec) return values;
  const copy = values.slice();
  hidePadding(site, tensor.shape, inputs.tokensOf(spec), copy);
  return copy;
}

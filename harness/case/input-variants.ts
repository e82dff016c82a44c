import type { PhaseSpec } from "../engine/specs.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { int64Tensor, toNumbers } from "../trace/tensor.ts";
import type { Case, Inputs } from "./case.ts";
import { planPhases } from "./case.ts";
import { isText } from "./input-tensors.ts";

/** A change of a case's inputs or phases that may let it see more. */
export interface Variant {
  /** The change in words, as advice: "a batch of two, one padded on the left". */
  readonly title: string;
  readonly testCase: Case;
}

const decodeSteps = 3;

/**
 * Variants of a case that any text can have: longer than the windows of its config, padded, decoded step by step,
 * prefilled in chunks. Images and sound can't be made up, so a case that has them keeps its tokens.
 */
export function inputVariants(testCase: Case, seed: number): Variant[] {
  const inputs = testCase.inputs(seed);
  const ids = inputs.get("input_ids")!;
  const [batch, length] = ids.shape as [number, number];
  const textOnly = isText(inputs.keys());
  const variants: Variant[] = [];
  const add = (title: string, change: Partial<Pick<Case, "inputs" | "phases">>): void => {
    variants.push({ title, testCase: { ...testCase, ...change } });
  };
  if (length > decodeSteps + 1) {
    const phases = planPhases({ chunks: [length - decodeSteps], decode: decodeSteps, full: true });
    add(`${decodeSteps} decode steps behind the prefill`, { phases });
    const third = Math.max(1, Math.floor((length - decodeSteps) / 3));
    const chunks = [third, third, length - decodeSteps - 2 * third];
    add("a prefill in three chunks, then decode steps", {
      phases: planPhases({ chunks, decode: decodeSteps, full: true }),
    });
  }
  if (!textOnly) return variants;
  const wanted = 2 * Math.max(0, ...windowsOf(testCase.config)) + 3;
  if (length < wanted) add(`${wanted} tokens, twice the window`, lengthened(testCase, inputs, wanted));
  if (batch === 1 && length > 3) {
    const padded = (): Inputs => withPaddedRow(inputs, Math.floor(length / 3));
    add("a batch of two, one of them padded on the left", { inputs: padded });
    const phases = planPhases({ chunks: [length - decodeSteps], decode: decodeSteps, full: true });
    add("a left-padded batch of two with decode steps", { inputs: padded, phases });
  }
  return variants;
}

/** Every sliding window of a config, however deep. */
function windowsOf(value: unknown): number[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) =>
    name.endsWith("sliding_window") && typeof item === "number" ? [item] : windowsOf(item),
  );
}

function lengthened(testCase: Case, inputs: Inputs, length: number): Pick<Case, "inputs" | "phases"> {
  const longer = mapRows(inputs, length, (row) => Array.from({ length }, (_, place) => row[place % row.length]!));
  const end = Math.max(...testCase.phases.map((phase) => phase.end));
  const last = testCase.phases.findLastIndex((phase) => phase.end === end);
  const phases: PhaseSpec[] = testCase.phases.map((phase, place) =>
    place === last ? { ...phase, end: length } : phase,
  );
  return { inputs: () => longer, phases };
}

/** The first row, and once more without its last `hidden` tokens, padded on the left. */
function withPaddedRow(inputs: Inputs, hidden: number): Inputs {
  const [, length] = inputs.get("input_ids")!.shape as [number, number];
  return new Map(
    [...withMask(inputs)].map(([name, tensor]) => {
      const row = Array.from(toNumbers(tensor).subarray(0, length));
      const second = [...new Array<number>(hidden).fill(0), ...row.slice(0, length - hidden)];
      return [name, int64Tensor([...row, ...second], [2, length])] as const;
    }),
  );
}

function mapRows(inputs: Inputs, length: number, change: (row: number[]) => number[]): Inputs {
  return new Map(
    [...withMask(inputs)].map(([name, tensor]) => {
      const [batch, size] = tensor.shape as [number, number];
      const values = toNumbers(tensor);
      const rows = Array.from({ length: batch }, (_, row) =>
        change(Array.from(values.subarray(row * size, (row + 1) * size))),
      );
      return [name, int64Tensor(rows.flat(), [batch, length])] as const;
    }),
  );
}

/** The inputs with their mask spelled out. */
function withMask(inputs: Inputs): ReadonlyMap<string, RawTensor> {
  const ids = inputs.get("input_ids")!;
  const ones = int64Tensor(new Array<number>(ids.shape[0]! * ids.shape[1]!).fill(1), ids.shape);
  return new Map([["attention_mask", ones], ...inputs]);
}

import { concat } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";

/** Checkpoint tensors by state-dict name, after renaming -> the tensors that the model asks for. */
export type Conversion = (tensors: ReadonlyMap<string, Tensor>) => ReadonlyMap<string, Tensor>;

/** Names of an expert's three projections in a checkpoint. */
export interface ExpertNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/**
 * Joins the projections of single experts, `<path>.experts.3.<gate>.weight` and so on, to the tensors
 * `<path>.experts.gate_up_proj` [experts, 2 * intermediate, hidden] and `<path>.experts.down_proj` [experts, hidden,
 * intermediate]. Where an expert lacks one, or they differ in shape, they stay as they are, and are reported as tensors
 * that the model does not have. Source: transformers 5.24.0, `conversion_mapping.py`.
 */
export function mergeExperts({ gate, up, down }: ExpertNames): Conversion {
  const pattern = new RegExp(`^(.*\\.experts)\\.\\d+\\.(?:${gate}|${up}|${down})\\.weight$`);
  return (tensors) => {
    const merged = new Map(tensors);
    const paths = new Set([...tensors.keys()].flatMap((name) => pattern.exec(name)?.[1] ?? []));
    for (const path of paths) {
      const names = expertNames(tensors, path, [gate, up, down]);
      const [gates, ups, downs] = names.map((column) => column.map((name) => tensors.get(name)));
      const gates_and_ups = [...gates!, ...ups!];
      if (!sameShapes(gates_and_ups) || !sameShapes(downs!)) continue;
      const gate_up = gates!.map((_, expert) =>
        concat([gates_and_ups[expert]!, gates_and_ups[gates!.length + expert]!], 0),
      );
      for (const name of names.flat()) merged.delete(name);
      merged.set(`${path}.gate_up_proj`, stack(gate_up));
      merged.set(`${path}.down_proj`, stack(downs));
    }
    return merged;
  };
}

/**
 * The names of all experts' tensors, a list for each projection; as many experts as the one with the highest number.
 */
function expertNames(tensors: ReadonlyMap<string, Tensor>, path: string, projections: readonly string[]): string[][] {
  const numbers = [...tensors.keys()]
    .filter((name) => name.startsWith(`${path}.`))
    .map((name) => Number.parseInt(name.slice(path.length + 1), 10))
    .filter((number) => !Number.isNaN(number));
  const count = numbers.reduce((most, number) => Math.max(most, number + 1), 0);
  return projections.map((projection) =>
    Array.from({ length: count }, (_, expert) => `${path}.${expert}.${projection}.weight`),
  );
}

function sameShapes(tensors: readonly (Tensor | undefined)[]): tensors is readonly Tensor[] {
  const [first] = tensors;
  return first !== undefined && tensors.every((tensor) => tensor?.shape.join() === first.shape.join());
}

function stack(tensors: readonly Tensor[]): Tensor {
  const { shape, dtype } = tensors[0]!;
  const joined = concat(tensors, 0);
  return floatTensor([tensors.length, ...shape], joined.data, dtype);
}

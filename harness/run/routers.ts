import { isFloating } from "../trace/dtypes.ts";
import { parseSite } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import type { Group } from "./pairing.ts";

/** A group that can be judged; of a router's weights and choice, with the groups that decide about them. */
export interface Ready {
  readonly group: Group;
  readonly routing?: { readonly logits: Group; readonly choice: Group };
}

/** The outputs of one call of a module, as far as they have come. */
interface Outputs {
  readonly logits: Group;
  choice?: Group;
  /** Further outputs that wait for the choice: they may be per chosen expert. */
  waiting: Group[];
}

/** Calls whose first outputs are kept: a router's outputs come one after the other. */
const callsKept = 4;

/**
 * Brings a router's outputs together: its first output are logits, an integer output of the same rows is the choice,
 * and floating outputs of the choice's shape (the weights) are held back until the choice is there. All other groups go
 * through.
 */
export function collectRouters() {
  const calls = new Map<string, Outputs>();

  const release = (key: string): Ready[] => {
    const waiting = calls.get(key)?.waiting ?? [];
    calls.delete(key);
    return waiting.map((group) => ({ group }));
  };
  const take = (group: Group): Ready[] => {
    const { module, port, call } = parseSite(group.site);
    const key = `${group.phase}|${module}@${call}`;
    if (port === "out") {
      const old = [...calls.keys()].slice(0, Math.max(0, calls.size + 1 - callsKept)).flatMap(release);
      calls.set(key, { logits: group, waiting: [] });
      return [...old, { group }];
    }
    const outputs = port?.startsWith("out.") ? calls.get(key) : undefined;
    const [tensor, logits] = [tensorOf(group), outputs && tensorOf(outputs.logits)];
    if (!outputs || !tensor || !isNarrower(tensor, logits)) return [{ group }];
    if (isFloating(tensor.dtype) && tensor.shape.at(-1) === logits?.shape.at(-1)) return [{ group }];
    if (isFloating(tensor.dtype) && outputs.choice === undefined) {
      outputs.waiting.push(group);
      return [];
    }
    if (!isFloating(tensor.dtype)) outputs.choice ??= group;
    const routing = { logits: outputs.logits, choice: outputs.choice! };
    return [...outputs.waiting.splice(0), group].map((ready) => ({ group: ready, routing }));
  };
  return { take, rest: (): Ready[] => [...calls.keys()].flatMap(release) };
}

/** The tensor whose shape tells what a group is: the reference's, or that of an engine that runs alone. */
function tensorOf({ sides }: Group): RawTensor | undefined {
  return sides.reference ?? sides.engine;
}

/** True when a tensor has the rows of floating logits and no more columns. */
function isNarrower({ shape }: RawTensor, logits: RawTensor | undefined): boolean {
  return (
    logits !== undefined &&
    isFloating(logits.dtype) &&
    shape.slice(0, -1).join() === logits.shape.slice(0, -1).join() &&
    (shape.at(-1) ?? 0) <= (logits.shape.at(-1) ?? 0) &&
    shape.length > 1
  );
}

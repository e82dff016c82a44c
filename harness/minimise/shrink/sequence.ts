/** Fewer phases, rows and tokens. */
import type { PhaseSpec } from "../../engine/specs.ts";
import type { Inputs } from "../../case/case.ts";
import { mediaTypes, withoutMediaOfRow } from "./media-runs.ts";
import type { Attempt, Subject } from "./subject.ts";
import { withoutRuns } from "./runs.ts";
import { indicesWithout, pickAlong } from "./slices.ts";

/** Drops phases that no other continues, then runs neighbouring phases as one. */
export function* shrinkPhases(subject: Subject): Generator<Attempt, Subject, boolean> {
  const count = ({ phases }: Subject): number => phases.length;
  subject = yield* withoutRuns(subject, { count, without: dropPhases, what: "phases" });
  return yield* withoutRuns(subject, { count, without: mergePhases, what: "phases (run as one)" });
}

/** The cached phase that phase `place` continues; undefined for the first one and for those without cache. */
function parentOf(phases: readonly PhaseSpec[], place: number): string | undefined {
  const { cache, from } = phases[place]!;
  if (!cache) return undefined;
  return from ?? phases.slice(0, place).findLast((phase) => phase.cache)?.name;
}

/** `from` only where the phase does not continue the latest one anyway. */
function tidy(phases: readonly PhaseSpec[], parents: ReadonlyMap<string, string | undefined>): PhaseSpec[] {
  return phases.map(({ name, start, end, cache }, place) => {
    const latest = phases.slice(0, place).findLast((phase) => phase.cache)?.name;
    const parent = parents.get(name);
    return { name, start, end, cache, ...(parent !== undefined && parent !== latest && { from: parent }) };
  });
}

function parentsOf(phases: readonly PhaseSpec[]): Map<string, string | undefined> {
  return new Map(phases.map(({ name }, place) => [name, parentOf(phases, place)]));
}

function dropPhases(subject: Subject, start: number, end: number): Subject[] {
  const { phases } = subject;
  const parents = parentsOf(phases);
  const dropped = new Set(phases.slice(start, end).map(({ name }) => name));
  const rest = phases.filter(({ name }) => !dropped.has(name));
  if (rest.length === 0 || rest.some(({ name }) => dropped.has(parents.get(name) ?? ""))) return [];
  return [{ ...subject, phases: tidy(rest, parents) }];
}

/** Phases [start, end) and the one before them as one, where each continues the one before and nothing else does. */
function mergePhases(subject: Subject, start: number, end: number): Subject[] {
  const { phases } = subject;
  if (start === 0) return [];
  const parents = parentsOf(phases);
  const run = phases.slice(start - 1, end);
  const chained = run.every(({ name }, place) => place === 0 || parents.get(name) === run[place - 1]!.name);
  const branches = run.slice(0, -1).some(({ name }) => [...parents.values()].filter((one) => one === name).length > 1);
  if (!chained || branches) return [];
  const [first, last] = [run[0]!, run.at(-1)!];
  const merged = [...phases.slice(0, start - 1), { ...first, end: last.end }, ...phases.slice(end)];
  for (const [name, parent] of parents) if (parent === last.name) parents.set(name, first.name);
  return [{ ...subject, phases: tidy(merged, parents) }];
}

/** Drops sequences of the batch, each with its media. */
export function* shrinkRows(subject: Subject): Generator<Attempt, Subject, boolean> {
  const count = ({ inputs }: Subject): number => inputs.get("input_ids")!.shape[0]!;
  const without = (smaller: Subject, start: number, end: number): Subject[] => {
    const rows = count(smaller);
    if (end - start >= rows) return [];
    let { inputs } = smaller;
    for (let row = end - 1; row >= start; row--) inputs = withoutMediaOfRow(smaller.config, inputs, row);
    return [{ ...smaller, inputs: alongTokens(inputs, 0, indicesWithout(rows, start, end)) }];
  };
  return yield* withoutRuns(subject, { count, without, what: "rows" });
}

/** Drops text tokens: those that no phase reads, then as many others as can go; media tokens stay with their media. */
export function* shrinkTokens(subject: Subject): Generator<Attempt, Subject, boolean> {
  const length = subject.inputs.get("input_ids")!.shape[1]!;
  const read = Math.max(...subject.phases.map(({ end }) => end));
  if (read < length) {
    const smaller = withColumns(subject, indicesWithout(length, read, length));
    if (yield { what: `${length - read} tokens that no phase reads`, subject: smaller }) subject = smaller;
  }
  return yield* withoutRuns(subject, {
    count: (smaller) => textColumns(smaller).length,
    without: (smaller, start, end) => {
      const gone = new Set(textColumns(smaller).slice(start, end));
      const all = indicesWithout(smaller.inputs.get("input_ids")!.shape[1]!, 0, 0);
      const kept = all.filter((column) => !gone.has(column));
      const next = withColumns(smaller, kept);
      return kept.length > 0 && next.phases.length > 0 ? [next] : [];
    },
    what: "text tokens",
  });
}

/** Columns in which no row has a media token. */
function textColumns({ config, inputs }: Subject): number[] {
  const [rows, length] = inputs.get("input_ids")!.shape as [number, number];
  const types = mediaTypes(config, inputs);
  const isText = (column: number): boolean => {
    for (let row = 0; row < rows; row++) if (types[row * length + column] !== 0) return false;
    return true;
  };
  return indicesWithout(length, 0, 0).filter(isText);
}

/**
 * The subject with only these columns of tokens, in order; phases keep their tokens, and one that has none left is
 * gone.
 */
export function withColumns(subject: Subject, columns: readonly number[]): Subject {
  const moved = (place: number): number => columns.filter((column) => column < place).length;
  const parents = parentsOf(subject.phases);
  const phases = subject.phases.map((phase) => ({ ...phase, start: moved(phase.start), end: moved(phase.end) }));
  for (const { name, start, end } of phases)
    if (start === end) {
      const own = parents.get(name);
      for (const [child, parent] of parents) if (parent === name) parents.set(child, own);
    }
  const rest = phases.filter(({ start, end }) => start < end);
  return { ...subject, inputs: alongTokens(subject.inputs, 1, columns), phases: tidy(rest, parents) };
}

/** Picks indices of an axis of every tensor that has one number a token: [B, S] like `input_ids`. */
function alongTokens(inputs: Inputs, axis: 0 | 1, indices: readonly number[]): Inputs {
  const shape = inputs.get("input_ids")!.shape.join();
  return new Map(
    [...inputs].map(([name, tensor]) => [
      name,
      tensor.shape.join() === shape && tensor.dtype === "I64" ? pickAlong(tensor, axis, indices) : tensor,
    ]),
  );
}

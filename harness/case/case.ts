import { z } from "zod";
import { faultSpec, phaseSpec } from "../engine/specs.ts";
import { UsageError } from "../trace/errors.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { isTensor } from "../trace/tensor.ts";

/** Tensors of one inputs file, by name (docs/protocol.md lists them). */
export type Inputs = ReadonlyMap<string, RawTensor>;

const inputsFunction = z.custom<(seed: number) => Inputs>(
  (value) => typeof value === "function",
  "expected a function of a seed",
);

const caseSchema = z.strictObject({
  /** `architecture/what`: unique, and the name of its golden. */
  name: z.string().regex(/^[a-z0-9_]+\/[a-z0-9_.-]+$/),
  title: z.string(),
  /** The file that defines it: `loadCases` knows. */
  file: z.string().optional(),
  /** `run` compares values on a tiny model, `shapes` compares shapes from a config of any size. */
  kind: z.enum(["run", "shapes"]).default("run"),
  /** A Hugging Face config.json with `architectures`. */
  config: z.record(z.string(), z.unknown()),
  /** A checkpoint directory with real weights, in place of weights drawn from the seed. */
  checkpoint: z.string().optional(),
  /** Builds the inputs of one seed. For `shapes`, called with two lengths in place of a seed. */
  inputs: inputsFunction,
  phases: z.array(phaseSpec).default([]),
  /** Engine under test, as `--engine` takes it. */
  engine: z.string().default("typescript"),
  /** Planted into the engine under test. */
  fault: faultSpec.optional(),
  /** The id of that fault where it is one that an engine brings along: enough to plant it. */
  faultId: z.string().optional(),
  expect: z.union([z.literal("pass"), z.strictObject({ fail_at: z.string() })]).default("pass"),
});

/** One comparison: a model, inputs, phases, an engine and what is expected of it. */
export type Case = z.infer<typeof caseSchema>;
/** The argument of `defineCase`. */
export type CaseDefinition = z.input<typeof caseSchema>;

/**
 * Checks a case when it is written, not when it runs.
 * @throws UsageError naming the case and the field.
 */
export function defineCase(definition: CaseDefinition): Case {
  const parsed = caseSchema.safeParse(definition);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "case"}: ${issue.message}`);
    const { name } = (definition ?? {}) as { name?: unknown };
    throw new UsageError(`case ${JSON.stringify(name) ?? "without a name"}: ${problems.join("; ")}`);
  }
  const result = parsed.data;
  if (result.kind === "run") checkPhases(result);
  return { ...result, inputs: checkedInputs(result) };
}

/** The function that makes a case's inputs; what it throws, or gives that is no tensors, is a UsageError. */
function checkedInputs({ name, inputs }: Case): Case["inputs"] {
  return (seed) => {
    const refuse = (found: string): never => {
      throw new UsageError(`case ${name}: inputs(${seed}): expected a Map of tensors by name, found ${found}`);
    };
    let made: unknown;
    try {
      made = inputs(seed);
    } catch (error) {
      return refuse(`that it throws: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!(made instanceof Map)) return refuse(made === null ? "null" : typeof made);
    for (const [tensor, value] of made as Map<unknown, unknown>)
      if (typeof tensor !== "string" || !isTensor(value)) refuse(`no tensor under ${JSON.stringify(tensor)}`);
    return made as Inputs;
  };
}

/**
 * Returns the part of a request that plants a case's fault: empty where it has none.
 * @throws UsageError for a fault that is known by its id alone: run without it, the case would be green.
 */
export function planted({ name, fault, faultId }: Pick<Case, "name" | "fault" | "faultId">): {
  readonly fault?: NonNullable<Case["fault"]>;
} {
  if (fault !== undefined) return { fault };
  if (faultId === undefined) return {};
  throw new UsageError(
    `case ${name}: its fault ${faultId} is not looked up yet: take the case from loadCases or loadCaseFile`,
  );
}

/**
 * Phases have names of their own; those that share the cache continue the one before, or the one that they name in
 * `from`, beginning at token 0.
 */
function checkPhases({ name, phases }: Case): void {
  const refuse = (expected: string, found: string): never => {
    throw new UsageError(`case ${name}: phases: expected ${expected}, found ${found}`);
  };
  if (phases.length === 0) refuse("at least one phase", "none");
  let cached = 0;
  const ends = new Map<string, number>();
  for (const [place, { name: phase, start, end, cache, from }] of phases.entries()) {
    if (start >= end) refuse(`${phase} to have tokens`, `[${start}, ${end})`);
    if (phases.findIndex((other) => other.name === phase) < place) refuse("each name once", `${phase} twice`);
    if (from !== undefined) {
      if (!cache) refuse(`${phase}, which continues ${from}, to have cache: true`, "false");
      if (!ends.has(from)) refuse(`${phase} to continue an earlier phase with cache`, from);
      cached = ends.get(from)!;
    }
    if (!cache) continue;
    const where = from === undefined ? "the cache" : from;
    if (start !== cached) refuse(`${phase} to start at token ${cached}, where ${where} ends`, `${start}`);
    cached = end;
    ends.set(phase, end);
  }
}

/**
 * Phases from token 0 on: chunks of the given sizes, forced decode steps, a second turn of so many tokens, a request
 * that reuses the first chunk as its prefix and reads so many tokens behind it, and one full forward to check them all
 * against.
 */
export function planPhases(options: {
  chunks: readonly number[];
  decode: number;
  turn?: number;
  reuse?: number;
  full: boolean;
}): z.infer<typeof phaseSpec>[] {
  const { chunks, decode, turn, reuse, full } = options;
  const phases: z.infer<typeof phaseSpec>[] = [];
  let start = 0;
  const add = (name: string, tokens: number): void => {
    phases.push({ name, start, end: start + tokens, cache: true });
    start += tokens;
  };
  chunks.forEach((tokens, index) => add(chunks.length === 1 ? "prefill" : `chunk:${index}`, tokens));
  for (let step = 1; step <= decode; step++) add(`decode:${step}`, 1);
  if (turn !== undefined) add("turn:2", turn);
  let length = start;
  if (reuse !== undefined) {
    const { name: from, end } = phases[0]!;
    phases.push({ name: "reuse:1", start: end, end: end + reuse, cache: true, from });
    length = Math.max(length, end + reuse);
  }
  if (full) phases.push({ name: "full", start: 0, end: length, cache: false });
  return phases;
}

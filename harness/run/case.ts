import { z } from "zod";
import { faultSpec, phaseSpec } from "../engine/protocol.ts";
import { UsageError } from "../trace/errors.ts";
import type { RawTensor } from "../trace/tensor.ts";

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
  expect: z.union([z.literal("pass"), z.strictObject({ fail_at: z.string() })]).default("pass"),
});

/** One comparison: a model, inputs, phases, an engine and what is expected of it. */
export type Case = z.infer<typeof caseSchema>;
/** What `defineCase` takes. */
export type CaseDefinition = z.input<typeof caseSchema>;

/**
 * Checks a case when it is written, not when it runs.
 * @throws UsageError naming the case and the field.
 */
export function defineCase(definition: CaseDefinition): Case {
  const parsed = caseSchema.safeParse(definition);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "case"}: ${issue.message}`);
    throw new UsageError(`case ${JSON.stringify(definition.name)}: ${problems.join("; ")}`);
  }
  const result = parsed.data;
  if (result.kind === "run") checkPhases(result);
  return result;
}

/** Phases have names of their own, and those that share the cache continue one another from token 0. */
function checkPhases({ name, phases }: Case): void {
  const refuse = (expected: string, found: string): never => {
    throw new UsageError(`case ${name}: phases: expected ${expected}, found ${found}`);
  };
  if (phases.length === 0) refuse("at least one phase", "none");
  let cached = 0;
  for (const [place, { name: phase, start, end, cache }] of phases.entries()) {
    if (start >= end) refuse(`${phase} to have tokens`, `[${start}, ${end})`);
    if (phases.findIndex((other) => other.name === phase) < place) refuse("each name once", `${phase} twice`);
    if (!cache) continue;
    if (start !== cached) refuse(`${phase} to start at token ${cached}, where the cache ends`, `${start}`);
    cached = end;
  }
}

/** Phases that cover `total` tokens: chunks of the given sizes first, then forced decode steps, then one full forward to check against. */
export function planPhases(options: {
  chunks: readonly number[];
  decode: number;
  full: boolean;
}): z.infer<typeof phaseSpec>[] {
  const { chunks, decode, full } = options;
  const phases: z.infer<typeof phaseSpec>[] = [];
  let start = 0;
  const add = (name: string, tokens: number): void => {
    phases.push({ name, start, end: start + tokens, cache: true });
    start += tokens;
  };
  chunks.forEach((tokens, index) => add(chunks.length === 1 ? "prefill" : `chunk:${index}`, tokens));
  for (let step = 1; step <= decode; step++) add(`decode:${step}`, 1);
  if (full) phases.push({ name: "full", start: 0, end: start, cache: false });
  return phases;
}

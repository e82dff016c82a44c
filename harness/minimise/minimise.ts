/** Minimises one case: runs every smaller version with warm engines and keeps those that fail in the same way. */
import { rmSync } from "node:fs";
import type { Verdict } from "../verdict/schema.ts";
import type { Params } from "../engine/protocol.ts";
import { UsageError } from "../trace/errors.ts";
import { elementCount } from "../trace/tensor.ts";
import type { Case, Inputs } from "../case/case.ts";
import { defineCase } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import type { Failure } from "./failure.ts";
import { failureOf, sameCause, sameFailure } from "./failure.ts";
import { runCase } from "../run/live.ts";
import type { Minimised } from "./search.ts";
import { minimise } from "./search.ts";
import { layerField, objectsIn } from "./shrink/config-walk.ts";
import type { Attempt, Subject } from "./shrink/subject.ts";
import { shrinkers } from "./shrink/steps.ts";
import { culpritText } from "../verdict/words/culprit.ts";

/** The size of a subject. */
export interface Size {
  readonly phases: number;
  readonly rows: number;
  /** Length of a row. */
  readonly tokens: number;
  readonly layers: number;
  /** Parameters of the model, tied ones counted once; null where the model was not built. */
  readonly parameters: number | null;
}

/** A case to minimise, and how it was run. */
export interface Request {
  readonly testCase: Case;
  readonly engine: string;
  /** The verdict of the failure that must stay. */
  readonly verdict: Verdict;
  /** Longest time for the search. */
  readonly seconds: number;
  readonly progress: (attempt: Attempt, accepted: boolean, size: Size) => void;
}

/** The smallest case found. */
export interface SmallestCase extends Minimised {
  readonly testCase: Case;
  readonly inputs: Inputs;
  /** Seed of the weights: 0 where the case fails in the same way with it. */
  readonly seed: number;
  readonly failure: Failure;
  readonly before: Size;
  readonly after: Size;
}

/** Longest search for the cause at one culprit, in seconds; most take less than one. */
export const explainSeconds = 20;

/** Checks that a verdict has a failure to keep. @throws UsageError for one that has none, saying what to do. */
export function checkMinimisable({ case: name, mode, status: outcome, culprit, error }: Verdict): void {
  const refuse = (what: string): never => {
    throw new UsageError(`the verdict of ${name} ${what}`);
  };
  if (outcome === "pass" || outcome === "unknown")
    refuse(`is ${outcome}: expected a failing one, there is nothing to minimise`);
  if (mode === "shapes") refuse("compares shapes only, which needs no small model: expected one of lockstep run");
  if (outcome === "fail" && !culprit) refuse("names no culprit: expected one, so that the failure can be recognised");
  if (outcome === "error" && error?.kind !== "engine")
    refuse(
      `is an error of kind ${error?.kind ?? "unknown"} (${error?.message ?? ""}): mend that and run the case again`,
    );
}

/**
 * Finds the smallest version of a case that still fails in the same way. @throws UsageError when it does not fail as
 * its verdict says.
 */
export async function minimiseCase(pool: EnginePool, request: Request): Promise<SmallestCase> {
  const { testCase, engine, verdict, seconds, progress } = request;
  const { checkpoint } = testCase;
  const dtype = verdict.dtype as Params<"load">["dtype"];
  const made = new Set<string>();
  let { seed } = verdict;
  const first: Subject = { config: testCase.config, inputs: testCase.inputs(seed), phases: testCase.phases };
  const caseOf = (subject: Subject): Case =>
    defineCase({ ...testCase, ...subject, engine, expect: "pass", inputs: () => subject.inputs });
  const run = (subject: Subject, explain: number): Promise<Verdict> =>
    runCase(pool, caseOf(subject), { engine, dtype, seed, limit: verdict.limit, explain });

  const measure = async (subject: Subject): Promise<Size> => {
    const weights = checkpoint === undefined ? { config: subject.config, seed } : { checkpoint };
    const loaded = await pool.load(await pool.reference(), { ...weights, dtype }).catch(() => null);
    if (loaded && checkpoint === undefined && subject.config !== first.config) made.add(loaded.checkpoint);
    const own = loaded?.tensors.filter(({ tied_to: tied }) => tied === undefined);
    return sizeOf(subject, own ? own.reduce((total, { shape }) => total + elementCount(shape), 0) : null);
  };
  const failsAs = async (wanted: Failure, subject: Subject): Promise<boolean> => {
    try {
      const now = failureOf(await run(subject, wanted.causes.length > 0 ? explainSeconds : 0), subject.config);
      return sameFailure(wanted, now) && sameCause(wanted, now);
    } catch (error) {
      if (error instanceof UsageError) return false; // phases that no longer fit together
      throw error;
    }
  };

  const wanted = confirm(verdict, await run(first, verdict.culprit?.explanation ? explainSeconds : 0), testCase.config);
  const before = await measure(first);
  if (seed !== 0 && checkpoint === undefined) {
    const [own, zero] = [seed, 0];
    seed = zero;
    if (!(await failsAs(wanted, first))) seed = own;
  }
  const deadline = performance.now() + seconds * 1000;
  let after = before;
  const stillFails = async (attempt: Attempt): Promise<boolean> => {
    const fails = await failsAs(wanted, attempt.subject);
    const size = await measure(attempt.subject);
    if (fails) after = size;
    progress(attempt, fails, after);
    return fails;
  };
  try {
    const isOver = (): boolean => performance.now() > deadline;
    const result = await minimise(first, { shrinkers: shrinkers(testCase), stillFails, isOver });
    return {
      ...result,
      ...{ testCase: caseOf(result.subject), inputs: result.subject.inputs, seed, failure: wanted, before, after },
    };
  } finally {
    for (const folder of made) rmSync(folder, { recursive: true, force: true }); // hundreds of models that nobody asks for again
  }
}

/** The failure that a new run shows, which has to be the verdict's. */
function confirm(verdict: Verdict, again: Verdict, config: Case["config"]): Failure {
  const found = failureOf(again, config);
  const now = `${verdict.case} run again ends in ${again.status}${again.culprit ? ` at ${again.culprit.site}: ${culpritText(again.culprit)}` : ""}`;
  if (!found)
    throw new UsageError(
      `${now}${again.error ? `: ${again.error.message}` : ""}; expected the failure of the verdict: make the verdict again`,
    );
  const then = failureOf(verdict, config);
  if (verdict.mode === "live" && !sameFailure(found, then))
    throw new UsageError(
      `${now}, and the verdict says ${verdict.culprit?.site ?? verdict.error?.message}: ${verdict.culprit ? culpritText(verdict.culprit) : ""}; make the verdict again`,
    );
  return found;
}

function sizeOf({ config, inputs, phases }: Subject, parameters: number | null): Size {
  const [rows = 0, tokens = 0] = inputs.get("input_ids")!.shape;
  const layers = objectsIn(config).reduce((total, { value }) => total + Number(value[layerField(value) ?? ""] ?? 0), 0);
  return { phases: phases.length, rows, tokens, layers, parameters };
}

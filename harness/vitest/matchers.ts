/**
 * Matchers whose failure message is lockstep's verdict, and which leave that verdict in the test's `meta` for the
 * reporter.
 */
import type { Verdict } from "../verdict/schema.ts";
import { plainVerdict } from "../report/findings.ts";
import type { Case } from "../case/case.ts";
import { repositoryPath } from "../case/discover.ts";
import type { GoldenOptions, ReferenceOptions } from "./judge.ts";
import { judgeGolden, judgeLive } from "./judge.ts";

/** A test, which keeps its verdicts in `meta`; vitest sends `meta` to reporters and stores it in blobs. */
interface Task {
  readonly meta: { lockstep?: Verdict[] };
}

/** The `this` that vitest calls a matcher with. `task` is there at run time only. */
interface State {
  readonly testPath?: string | undefined;
  readonly task?: Task | undefined;
}

interface Outcome {
  readonly pass: boolean;
  readonly message: () => string;
}

/** The matchers, as `expect.extend` takes them. */
export const matchers = {
  /** `expect(engine).toMatchReference(case)`: against the live reference, site by site. */
  async toMatchReference(
    this: State,
    engine: unknown,
    testCase: Case | string,
    options?: ReferenceOptions,
  ): Promise<Outcome> {
    return outcomeOf(this, await judgeLive(engine, testCase, options));
  },
  /** `expect(engine).toMatchGolden(case)`: against the recorded reference, without Python. */
  async toMatchGolden(
    this: State,
    engine: unknown,
    testCase: Case | string,
    options?: GoldenOptions,
  ): Promise<Outcome> {
    return outcomeOf(this, await judgeGolden(engine, testCase, options));
  },
};

/** Passes where the case's expectation is met: `unknown` and `error` fail, a failure that is expected passes. */
function outcomeOf({ task, testPath }: State, judged: Verdict): Outcome {
  // A case that was not loaded from a file is the test's own.
  const file = judged.case_file ?? (testPath === undefined ? undefined : repositoryPath(testPath));
  const verdict: Verdict = { ...judged, ...(file !== undefined && { case_file: file }) };
  if (task) task.meta.lockstep = [...(task.meta.lockstep ?? []).filter((one) => !isSame(one, verdict)), verdict];
  return { pass: verdict.met, message: () => plainVerdict(verdict) };
}

/** A test that is tried again judges again: the last verdict counts. */
function isSame(a: Verdict, b: Verdict): boolean {
  return a.case === b.case && a.mode === b.mode && a.rerun?.engine === b.rerun?.engine;
}

declare module "vitest" {
  // Type parameters have to be those of vitest.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /**
     * The engine (a name as `--engine` takes it, or an object with `load` and `run`) does what transformers does in
     * this case.
     */
    toMatchReference(testCase: Case | string, options?: ReferenceOptions): Promise<void>;
    /** The engine does what the recorded reference did in this case; needs no Python. */
    toMatchGolden(testCase: Case | string, options?: GoldenOptions): Promise<void>;
  }
  interface TaskMeta {
    /** Verdicts of the test's matchers. */
    lockstep?: Verdict[];
  }
}

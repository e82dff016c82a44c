/**
 * The differences between the kinds of cases, in one table: a `run` compares values on a tiny model, `shapes` compares
 * shapes from a config of any size. A new kind is a row here, its name in `case/case.ts`, and the functions that the
 * row names.
 */
import type { Case } from "../case/case.ts";
import { hashConfig } from "../case/config-hash.ts";
import type { EnginePool } from "../engine/pool.ts";
import type { RunOptions } from "../run/live.ts";
import { runCase } from "../run/live.ts";
import { shapeLengths } from "../run/shapes-culprit.ts";
import { runShapesCase } from "../run/shapes.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { CheckOptions } from "./check.ts";
import { checkGolden } from "./check.ts";
import type { GoldenDiff } from "./diff.ts";
import { diffGoldens, diffShapes } from "./diff.ts";
import { goldenPath, parseGolden, writeGolden } from "./format/file.ts";
import type { Golden } from "./format/schema.ts";
import type { ShapesGolden } from "./format/shapes.ts";
import { parseShapesGolden, shapesGoldenPath, writeShapesGolden } from "./format/shapes.ts";
import { refuseOldShapes, whyStale } from "./fresh-checkpoint.ts";
import { recordGolden } from "./record.ts";
import { checkShapesGolden, recordShapes } from "./shapes.ts";

/** Functions that record, keep and compare the goldens of one kind of case. */
interface GoldenKind<G> {
  /** The file of a case's golden in a folder of goldens. */
  path(folder: string, testCase: Case): string;
  record(pool: EnginePool, testCase: Case): Promise<G>;
  /** Writes a golden and returns its file. */
  write(folder: string, golden: G): string;
  /** Reads a golden. @throws UsageError for what is no golden, with the command that records it. */
  parse(bytes: Uint8Array, file: string, testCase: Case): G;
  diff(testCase: Case, before: G, after: G): GoldenDiff;
  /** Says why a golden no longer speaks of its case; null where it does. @throws UsageError that says why. */
  stale(golden: G, testCase: Case): string | null;
}

/** The behaviour of one kind of case. */
interface CaseKind {
  /** The mode of its live verdicts. */
  readonly mode: Exclude<Verdict["mode"], "golden">;
  /** True where values are compared: then there are weights, phases, dtypes, seeds, ratios and power. */
  readonly hasValues: boolean;
  /** Returns the dtypes that a night runs such a case in, of those that were asked for. */
  dtypes(asked: readonly string[]): readonly string[];
  /** Returns all the seeds, or lengths, that the case's inputs are built from: a result depends on all of them. */
  inputSeeds(seed: number): readonly number[];
  /** Compares with the live reference. */
  run(pool: EnginePool, testCase: Case, options: RunOptions): Promise<Verdict>;
  /** Compares with the golden, without Python. */
  check(pool: EnginePool, testCase: Case, options: CheckOptions): Promise<Verdict>;
  readonly golden: GoldenKind<unknown>;
}

const runGoldens: GoldenKind<Golden> = {
  path: (folder, { name }) => goldenPath(folder, name),
  record: recordGolden,
  write: writeGolden,
  parse: (bytes, file, { name }) => parseGolden(bytes, file, name),
  diff: (_, before, after) => diffGoldens(before, after),
  stale: whyStale,
};

const shapesGoldens: GoldenKind<ShapesGolden> = {
  path: (folder, { config }) => shapesGoldenPath(folder, hashConfig(config)),
  record: recordShapes,
  write: writeShapesGolden,
  parse: (bytes, file, { name }) => parseShapesGolden(bytes, file, name),
  diff: ({ name }, before, after) => diffShapes(name, before, after),
  stale: ({ reference }, testCase) => {
    refuseOldShapes(reference, testCase);
    return null;
  },
};

const kinds: Readonly<Record<Case["kind"], CaseKind>> = {
  run: {
    mode: "live",
    hasValues: true,
    dtypes: (asked) => asked,
    inputSeeds: (seed) => [seed],
    run: runCase,
    check: checkGolden,
    golden: runGoldens as GoldenKind<unknown>,
  },
  shapes: {
    mode: "shapes",
    hasValues: false,
    dtypes: () => ["shapes"],
    inputSeeds: () => Object.values(shapeLengths),
    run: runShapesCase,
    check: checkShapesGolden,
    golden: shapesGoldens as GoldenKind<unknown>,
  },
};

/** The behaviour of a case, by its kind. */
export function kindOf({ kind }: Pick<Case, "kind">): CaseKind {
  return kinds[kind];
}

/** Compares a case with the live reference, as its kind does. */
export function runAny(pool: EnginePool, testCase: Case, options: RunOptions = {}): Promise<Verdict> {
  return kindOf(testCase).run(pool, testCase, options);
}

/** Compares a case with its golden, as its kind does: no Python. */
export function checkAny(pool: EnginePool, testCase: Case, options: CheckOptions): Promise<Verdict> {
  return kindOf(testCase).check(pool, testCase, options);
}

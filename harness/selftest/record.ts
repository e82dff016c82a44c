/**
 * The result of a selftest for each fault, for programs: `lockstep selftest --json`, and the committed `record.json`
 * beside the faults.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { KnownFault } from "../engine/faults.ts";
import { UsageError } from "../trace/errors.ts";
import type { Verdict } from "../verdict/schema.ts";
import { changeText } from "../verdict/words/change.ts";
import { claimText } from "../verdict/words/sizes.ts";
import { locate, rateExplanation } from "./faults.ts";

const recordOfFault = z.strictObject({
  site: z.string().nullable(),
  phase: z.string().nullable(),
  rating: z.enum(["right", "listed", "wrong", "unexplained"]),
});

/** The place where one fault was found, and the rating of its explanation. */
export type FaultRecord = z.infer<typeof recordOfFault>;

/** One fault as `lockstep selftest --json` shows it. */
export interface FaultFigures extends FaultRecord {
  readonly id: string;
  readonly category: string;
  readonly case: string;
  readonly status: ReturnType<typeof locate>;
  readonly expected: { readonly site: string; readonly phase: string | null };
  /** The first explanation; null without one. */
  readonly explanation: string | null;
}

/** Reads from a verdict how the planted fault was found and explained, as figures. */
export function figuresOf(fault: KnownFault, verdict: Verdict): FaultFigures {
  const { id, category, at, phase } = fault;
  const { culprit } = verdict;
  const first = culprit?.explanation?.candidates[0];
  const ofShapes = culprit?.shapes?.causes.find(({ holds }) => holds);
  return {
    ...{ id, category, case: fault.case, status: locate(fault, verdict) },
    ...{ site: culprit?.site ?? null, phase: culprit?.phase ?? null, rating: rateExplanation(fault, verdict) },
    expected: { site: at, phase: phase ?? null },
    explanation: first ? changeText(first) : ofShapes ? claimText(ofShapes) : null,
  };
}

/**
 * The record that lies beside the faults of a folder; empty where there is none. @throws UsageError for one that is not
 * well-formed
 */
export function readRecord(folder: string): Map<string, FaultRecord> {
  const file = recordFile(folder);
  if (!existsSync(file)) return new Map();
  const parsed = z.record(z.string(), recordOfFault).safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success)
    throw new UsageError(`${file}: ${parsed.error.message}; write it with: lockstep selftest --write`);
  return new Map(Object.entries(parsed.data));
}

/** The record of a folder. */
export function recordFile(folder: string): string {
  return join(folder, "record.json");
}

/**
 * The records of the folders that the faults lie in, as texts by file: one line a fault, by id. Faults that were not
 * planted keep what they had; faults that are gone lose it.
 */
export function renderRecords(all: readonly KnownFault[], found: readonly FaultFigures[]): Map<string, string> {
  const fresh = new Map(found.map(({ id, site, phase, rating }) => [id, { site, phase, rating }]));
  const files = new Map<string, string>();
  for (const [folder, faults] of Map.groupBy(all, ({ spec }) => dirname(spec.module))) {
    const old = readRecord(folder);
    const ids = faults.map(({ id }) => id).toSorted();
    const lines = ids.flatMap((id) => {
      const record = fresh.get(id) ?? old.get(id);
      return record ? [`  ${JSON.stringify(id)}: ${toLine(record)}`] : [];
    });
    files.set(recordFile(folder), `{\n${lines.join(",\n")}\n}\n`);
  }
  return files;
}

/** JSON on one line, as prettier has it. */
function toLine({ site, phase, rating }: FaultRecord): string {
  const words = Object.entries({ site, phase, rating }).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
  return `{ ${words.join(", ")} }`;
}

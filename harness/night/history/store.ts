/**
 * Results by their content address: what a killed night has done already, and what need not be done again while nothing
 * that it depends on changes.
 */
import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Verdict } from "../../verdict/schema.ts";
import { verdict as verdictSchema } from "../../verdict/schema.ts";
import { checkName } from "../../trace/names.ts";
import { writeWhole } from "../../trace/whole-file.ts";
import type { ResultLine } from "./record.ts";
import { resultLine } from "./record.ts";

/** A result, with its whole verdict where that is not as expected. */
export const outcome = z.strictObject({ record: resultLine, verdict: verdictSchema.nullable() });

export type Outcome = z.infer<typeof outcome>;

/** Results of a folder. */
export interface Store {
  /** The result of this key; null where there is none, or none that can be read. */
  get(key: string): ResultLine | null;
  put(outcome: Outcome): void;
  /** The path of the verdict of a key, for results that are not as expected. */
  verdictPath(key: string): string;
}

/**
 * Opens `results/` and `verdicts/` of a folder, for the holder of its lock: what a killed night left half written is
 * removed. A result is there whole or not at all.
 */
export function openStore(folder: string): Store {
  for (const left of globSync("{results,verdicts}/*.tmp", { cwd: folder })) rmSync(join(folder, left), { force: true });
  const pathOf = (kind: string, key: string): string => join(folder, kind, `${checkName(key, "key of a result")}.json`);
  const resultPath = (key: string): string => pathOf("results", key);
  const verdictPath = (key: string): string => pathOf("verdicts", key);
  return {
    get(key) {
      const file = resultPath(key);
      if (!existsSync(file)) return null;
      try {
        const record = resultLine.parse(JSON.parse(readFileSync(file, "utf8")));
        return record.key === key ? record : null;
      } catch {
        return null; // of another version of lockstep: as good as none
      }
    },
    put({ record, verdict }) {
      if (verdict) writeJson(verdictPath(record.key), verdict);
      else rmSync(verdictPath(record.key), { force: true });
      writeJson(resultPath(record.key), record);
    },
    verdictPath,
  };
}

/** Writes JSON, whole or not at all. */
export function writeJson(file: string, content: ResultLine | Verdict | object): void {
  writeWhole(file, `${JSON.stringify(content, null, 1)}\n`);
}

/**
 * True when a stored result stands for another run in this night. A run for which the machine lacked something is
 * always tried again; the result of an engine that broke, and any where `fresh` is asked for, is taken from this very
 * night alone.
 */
export function isUsable(record: ResultLine, { night, fresh }: { night: string; fresh: boolean }): boolean {
  if (record.error?.kind === "environment") return false;
  return record.measured === night || (record.status !== "error" && !fresh);
}

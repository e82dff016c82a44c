import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Power } from "../../verdict/explanation.ts";
import { power } from "../../verdict/explanation.ts";

const measured = z.strictObject({ case: z.string(), key: z.string(), ...power.shape });

/** The power of a case as it was last measured; null when it never was, or the case (its `key`) has changed since. */
export function readPower(folder: string, name: string, key: string): Power | null {
  const file = powerPath(folder, name);
  if (!existsSync(file)) return null;
  const parsed = measured.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success || parsed.data.key !== key) return null;
  const { seen, total, holes } = parsed.data;
  return { seen, total, holes };
}

/** Keeps what `lockstep power` has measured beside the goldens; written whole or not at all. */
export function writePower(folder: string, name: string, key: string, { seen, total, holes }: Power): string {
  const file = powerPath(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify({ case: name, key, seen, total, holes }, null, 1)}\n`);
  renameSync(`${file}.new`, file);
  return file;
}

function powerPath(folder: string, name: string): string {
  return join(folder, "power", `${name}.json`);
}

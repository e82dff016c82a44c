import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../trace/whole-file.ts";
import type { Power } from "../../verdict/explanation.ts";
import { power } from "../../verdict/explanation.ts";

/** Bumped when the facts of holes change; a file of another version is as good as none. */
const powerVersion = 2;

const measured = z.strictObject({
  version: z.literal(powerVersion),
  case: z.string(),
  key: z.string(),
  ...power.shape,
});

/** The power of a case as it was last measured; null when it never was, or the case (its `key`) has changed since. */
export function readPower(folder: string, name: string, key: string): Power | null {
  const file = powerPath(folder, name);
  if (!existsSync(file)) return null;
  const parsed = measured.safeParse(parse(readFileSync(file, "utf8")));
  if (!parsed.success || parsed.data.key !== key) return null;
  const { seen, total, holes } = parsed.data;
  return { seen, total, holes };
}

/** Keeps what `lockstep power` has measured beside the goldens; written whole or not at all. */
export function writePower(folder: string, name: string, key: string, { seen, total, holes }: Power): string {
  const file = powerPath(folder, name);
  const head = JSON.stringify({ version: powerVersion, case: name, key, seen, total }).slice(0, -1);
  const lines = holes.map((hole) => `  ${JSON.stringify(hole)}`);
  return writeWhole(file, `${head},"holes":[\n${lines.join(",\n")}\n]}\n`);
}

/** The content of JSON; null for what is none: it is measured again. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function powerPath(folder: string, name: string): string {
  return join(folder, "power", `${name}.json`);
}

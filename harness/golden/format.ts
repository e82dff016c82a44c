import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { engineIdentity } from "../compare/verdict.ts";
import { UsageError } from "../trace/errors.ts";

/** Bumped when the meaning of a golden changes. */
export const goldenVersion = 1;

const goldenSite = z.strictObject({
  site: z.string(),
  phase: z.string(),
  shape: z.array(z.int()),
  dtype: z.string(),
  /** The oracle's rms and largest magnitude, and the reference's noise; absent for tensors that must be bit-equal. */
  rms: z.number().optional(),
  max: z.number().optional(),
  noise: z.number().optional(),
  /** Projection of the oracle's tensor, base64 float64; or, starting with `=`, the place in the list of an equal one. */
  projection: z.string().optional(),
  /** Checksum of a tensor that must be bit-equal. */
  checksum: z.string().optional(),
});

const goldenSchema = z.strictObject({
  golden: z.literal(goldenVersion),
  case: z.string(),
  seed: z.int(),
  dtype: z.literal("float32"),
  reference: engineIdentity,
  generator: z.int(),
  /** SHA-256 of config, weights and inputs. */
  checksums: z.strictObject({ config: z.string(), weights: z.string(), inputs: z.string() }),
  /** The checkpoint's tensors, from which it is drawn again. */
  tensors: z.array(z.tuple([z.string(), z.array(z.int())])),
  sites: z.array(goldenSite),
});

export type Golden = z.infer<typeof goldenSchema>;
export type GoldenSite = z.infer<typeof goldenSite>;

/** Where the golden of a case lies. */
export function goldenPath(folder: string, caseName: string): string {
  return join(folder, `${caseName}.json`);
}

/** SHA-256 of a config, independent of key order. */
export function hashConfig(config: unknown): string {
  return createHash("sha256").update(canonical(config)).digest("hex");
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}

/** Reads a golden. @throws UsageError when there is none or it is not valid, with the command that records it. */
export function readGolden(folder: string, caseName: string): Golden {
  const file = goldenPath(folder, caseName);
  const remedy = `record it with: lockstep golden record ${caseName}`;
  if (!existsSync(file)) throw new UsageError(`${file}: no golden for ${caseName}; ${remedy}`);
  try {
    return goldenSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new UsageError(
      `${file}: not a golden of version ${goldenVersion} (${(error as Error).message.slice(0, 200)}); ${remedy}`,
    );
  }
}

/** Writes a golden, one site a line, atomically. */
export function writeGolden(folder: string, golden: Golden): string {
  const file = goldenPath(folder, golden.case);
  mkdirSync(dirname(file), { recursive: true });
  const { sites, tensors, ...head } = golden;
  const lines = (items: readonly unknown[]): string => items.map((item) => `\n${JSON.stringify(item)}`).join(",");
  const text = `${JSON.stringify(head).slice(0, -1)},\n"tensors":[${lines(tensors)}],\n"sites":[${lines(sites)}]}\n`;
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
  return file;
}

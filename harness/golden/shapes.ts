import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { engineIdentity } from "../compare/verdict.ts";
import { UsageError } from "../trace/errors.ts";
import { goldenVersion } from "./format.ts";

const shape = z.array(z.int());
const read = z.tuple([z.string(), z.string()]);
const tensor = z.strictObject({ name: z.string(), shape, dtype: z.string(), tied_to: z.string().optional() });

/** The reference's shapes of one config at two lengths. Shapes at the second are listed in the order of the first's sites. */
const shapesGolden = z.strictObject({
  golden: z.literal(goldenVersion),
  config: z.string(),
  reference: engineIdentity,
  sites: z.array(z.tuple([z.string(), z.string(), shape, shape])),
  tensors: z.array(tensor),
  /** Scope and field of each config read. */
  reads: z.array(read),
});

export type ShapesGolden = z.infer<typeof shapesGolden>;

/** Where the shapes of a config lie: by the hash of the config, since several cases share one. */
export function shapesGoldenPath(folder: string, configHash: string): string {
  return join(folder, "shapes", `${configHash.slice(0, 16)}.json`);
}

/** Reads the shapes of a config. @throws UsageError when there are none, with the command that records them. */
export function readShapesGolden(folder: string, configHash: string, caseName: string): ShapesGolden {
  const file = shapesGoldenPath(folder, configHash);
  const remedy = `record it with: lockstep golden record ${caseName}`;
  if (!existsSync(file)) throw new UsageError(`${file}: no golden for the config of ${caseName}; ${remedy}`);
  const parsed = shapesGolden.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success) throw new UsageError(`${file}: not a golden of version ${goldenVersion}; ${remedy}`);
  return parsed.data;
}

/** Writes the shapes of a config, one site a line, atomically. Returns the file. */
export function writeShapesGolden(folder: string, golden: ShapesGolden): string {
  const file = shapesGoldenPath(folder, golden.config);
  mkdirSync(dirname(file), { recursive: true });
  const { sites, tensors, reads, ...head } = golden;
  const lines = (items: readonly unknown[]): string => items.map((item) => `\n${JSON.stringify(item)}`).join(",");
  const body = `"sites":[${lines(sites)}],\n"tensors":[${lines(tensors)}],\n"reads":[${lines(reads)}]`;
  writeFileSync(`${file}.tmp`, `${JSON.stringify(head).slice(0, -1)},\n${body}}\n`);
  renameSync(`${file}.tmp`, file);
  return file;
}

/** The config reads of a golden as the protocol has them. */
export function readsOf({ reads }: ShapesGolden): { scope: string; field: string }[] {
  return reads.map(([scope, field]) => ({ scope, field }));
}

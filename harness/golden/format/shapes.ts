import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { engineIdentity } from "../../verdict/schema.ts";
import { UsageError } from "../../trace/errors.ts";
import { writeWhole } from "../../trace/whole-file.ts";
import { goldenEnding, packFile, readHead, unpackFile } from "./container.ts";
import { missingGolden, refuseOtherVersion, remedyFor } from "./file.ts";
import { goldenVersion } from "./schema.ts";

const shape = z.array(z.int());
const read = z.tuple([z.string(), z.string()]);
const tensor = z.strictObject({ name: z.string(), shape, dtype: z.string(), tied_to: z.string().optional() });

/**
 * The reference's shapes of one config at two lengths. Shapes at the second are listed in the order of the first's
 * sites.
 */
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

/** The path of the shapes of a config: by the hash of the config, since several cases share one. */
export function shapesGoldenPath(folder: string, configHash: string): string {
  return join(folder, "shapes", `${configHash.slice(0, 16)}${goldenEnding}`);
}

/** Reads the shapes of a config. @throws UsageError when there are none, with the command that records them. */
export function readShapesGolden(folder: string, configHash: string, caseName: string): ShapesGolden {
  const file = shapesGoldenPath(folder, configHash);
  if (!existsSync(file)) throw missingGolden(file, `the config of ${caseName}`, caseName);
  return parseShapesGolden(readFileSync(file), file, caseName);
}

/**
 * The shapes in `bytes`, which came from `file`. @throws UsageError when they are not valid, with the command that
 * records them.
 */
export function parseShapesGolden(bytes: Uint8Array, file: string, caseName: string): ShapesGolden {
  try {
    refuseOtherVersion(readHead(bytes));
    const { head, payload } = unpackFile(bytes);
    const body = JSON.parse(Buffer.from(payload).toString()) as object;
    return shapesGolden.parse({ ...(head as object), ...body });
  } catch (error) {
    throw new UsageError(
      `${file}: not a golden of version ${goldenVersion} (${(error as Error).message.slice(0, 200)}); ${remedyFor(caseName)}`,
    );
  }
}

/** Writes the shapes of a config, as `writeGolden` does. Returns the file. */
export function writeShapesGolden(folder: string, golden: ShapesGolden): string {
  const { sites, tensors, reads, ...head } = golden;
  const body = Buffer.from(JSON.stringify({ sites, tensors, reads }));
  return writeWhole(shapesGoldenPath(folder, golden.config), packFile(head, body));
}

/** The config reads of a golden as the protocol has them. */
export function readsOf({ reads }: ShapesGolden): { scope: string; field: string }[] {
  return reads.map(([scope, field]) => ({ scope, field }));
}

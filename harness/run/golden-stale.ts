/** Whether a golden still speaks of its case. */
import { existsSync, readFileSync } from "node:fs";
import type { EngineManifest } from "../engine/registry.ts";
import { referenceEngine } from "../engine/registry.ts";
import { drawCheckpoint } from "../golden/checkpoint.ts";
import { goldenPath, hashConfig, readGolden, remedyFor } from "../golden/format.ts";
import type { Golden } from "../golden/golden.ts";
import { readShapesGolden, shapesGoldenPath } from "../golden/shapes.ts";
import type { Stale } from "../golden/stale.ts";
import { describeStale, findOldReference, findStale } from "../golden/stale.ts";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "./case.ts";
import { requirementFiles } from "./engines.ts";
import type { InputsFile } from "./inputs-file.ts";
import { writeInputs } from "./inputs-file.ts";

/** The version of the reference that this package is pinned to, from its requirement files; null where none is there that pins it. */
export function pinnedReference(manifest: EngineManifest = referenceEngine()): string | null {
  for (const file of requirementFiles(manifest).filter((file) => existsSync(file))) {
    const pin = new RegExp(`^${manifest.name}==([^\\s;]+)`, "m").exec(readFileSync(file, "utf8"));
    if (pin) return pin[1]!;
  }
  return null;
}

/** The checkpoint of a golden, once it is sure that it speaks of this case. @throws UsageError that names what is stale and what to do. */
export function freshCheckpoint(golden: Golden, found: Case, inputs: InputsFile): string {
  const { stale, directory } = compareWithCase(golden, found, inputs);
  if (stale) throw refusal(found, stale);
  return directory;
}

/** @throws UsageError for shapes recorded of another reference. */
export function refuseOldShapes(reference: Golden["reference"], found: Case): void {
  const stale = findOldReference(reference.version, pinnedReference());
  if (stale) throw refusal(found, stale);
}

/** Why the golden of a case has to be recorded (again): "new", what is stale, or that it can't be read; null when it is as it should be. */
export function whyRecord(folder: string, found: Case): string | null {
  const isShapes = found.kind === "shapes";
  const path = isShapes ? shapesGoldenPath(folder, hashConfig(found.config)) : goldenPath(folder, found.name);
  if (!existsSync(path)) return "new";
  try {
    if (isShapes) {
      refuseOldShapes(readShapesGolden(folder, hashConfig(found.config), found.name).reference, found);
      return null;
    }
    const golden = readGolden(folder, found.name);
    const { stale } = compareWithCase(golden, found, writeInputs(found.inputs(golden.seed)));
    return stale ? describeStale(stale) : null;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.message.split("; record it")[0]!;
  }
}

function compareWithCase(golden: Golden, found: Case, inputs: InputsFile): { stale: Stale | null; directory: string } {
  const wanted = {
    config: hashConfig(found.config),
    inputs: inputs.sha256,
    phases: hashConfig(found.phases),
    reference: pinnedReference(),
  };
  const stale = findStale(golden, wanted);
  if (stale) return { stale, directory: "" };
  const { directory, sha256 } = drawCheckpoint(found.config, golden);
  const { weights } = golden.checksums;
  return { stale: sha256 === weights ? null : { what: "weights", expected: weights, found: sha256 }, directory };
}

function refusal({ name }: Case, stale: Stale): UsageError {
  return new UsageError(`the golden of ${name} is stale: ${describeStale(stale)}; ${remedyFor(name)}`);
}

/** Tells goldens that still speak of their case from stale ones. */
import { existsSync, readFileSync } from "node:fs";
import type { EngineManifest } from "../engine/registry.ts";
import { referenceEngine } from "../engine/registry.ts";
import { drawCheckpoint } from "./checkpoint.ts";
import { remedyFor } from "./format/file.ts";
import { hashConfig } from "../case/config-hash.ts";
import type { Golden } from "./format/schema.ts";
import type { Stale } from "./stale.ts";
import { describeStale, findOldReference, findStale } from "./stale.ts";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "../case/case.ts";
import { requirementFiles } from "../engine/pool.ts";
import type { InputsFile } from "../case/inputs-file.ts";
import { writeInputs } from "../case/inputs-file.ts";

/**
 * The version of the reference that this package is pinned to, from its requirement files; null where none is there
 * that pins it.
 */
export function pinnedReference(manifest: EngineManifest = referenceEngine()): string | null {
  for (const file of requirementFiles(manifest).filter(existsSync)) {
    const pin = new RegExp(`^${manifest.name}==([^\\s;]+)`, "m").exec(readFileSync(file, "utf8"));
    if (pin) return pin[1]!;
  }
  return null;
}

/**
 * The checkpoint of a golden, once it is sure that it speaks of this case. @throws UsageError that names what is stale
 * and what to do.
 */
export function freshCheckpoint(golden: Golden, testCase: Case, inputs: InputsFile): string {
  const { stale, directory } = compareWithCase(golden, testCase, inputs);
  if (stale) throw refusal(testCase, stale);
  return directory;
}

/** Refuses shapes that were recorded of another major version of the reference. @throws UsageError for these. */
export function refuseOldShapes(reference: Golden["reference"], testCase: Case): void {
  const stale = findOldReference(reference.version, pinnedReference());
  if (stale) throw refusal(testCase, stale);
}

/** Says in one sentence why a golden of a run is stale; null where it still speaks of its case. */
export function whyStale(golden: Golden, testCase: Case): string | null {
  const { stale } = compareWithCase(golden, testCase, writeInputs(testCase.inputs(golden.seed)));
  return stale ? describeStale(stale) : null;
}

function compareWithCase(golden: Golden, testCase: Case, inputs: InputsFile): { stale: Stale | null; directory: string } {
  const wanted = {
    config: hashConfig(testCase.config),
    inputs: inputs.sha256,
    phases: hashConfig(testCase.phases),
    reference: pinnedReference(),
  };
  const stale = findStale(golden, wanted);
  if (stale) return { stale, directory: "" };
  const { directory, sha256 } = drawCheckpoint(testCase.config, golden);
  const { weights } = golden.checksums;
  return { stale: sha256 === weights ? null : { what: "weights", expected: weights, found: sha256 }, directory };
}

function refusal({ name }: Case, stale: Stale): UsageError {
  return new UsageError(`the golden of ${name} is stale: ${describeStale(stale)}; ${remedyFor(name)}`);
}

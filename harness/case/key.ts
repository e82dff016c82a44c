import { hashConfig } from "./config-hash.ts";
import { generatorVersion } from "../trace/draw.ts";
import type { Case } from "./case.ts";
import { writeInputs } from "./inputs-file.ts";

/** Power is measured in float32 with this seed. */
export const powerSeed = 0;

/** Names what a case's power depends on: config, inputs and phases. Another key, another measurement. */
export function caseKey(testCase: Case): string {
  const { sha256 } = writeInputs(testCase.inputs(powerSeed));
  return hashConfig([testCase.config, testCase.phases, sha256, generatorVersion]).slice(0, 24);
}

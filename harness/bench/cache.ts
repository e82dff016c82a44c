import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case } from "../case/case.ts";
import { writeInputs } from "../case/inputs-file.ts";
import type { EnginePool } from "../engine/pool.ts";
import { sealFiles } from "../setup/seal.ts";
import { writeSafetensors } from "../trace/safetensors.ts";
import type { Figure } from "./figures.ts";
import { medianOf, mediansInTurn, spellTime } from "./figures.ts";

const rounds = 5;

/**
 * Measures what it costs to check the cache: the reference's load of a drawn checkpoint with its checksums checked (as
 * a run does it) beside its load of the same folder unchecked, the inputs of a case written anew beside checked, and the
 * seal of both that a run closes and opens.
 */
export async function* benchCache(pool: EnginePool, testCase: Case): AsyncGenerator<Figure> {
  const reference = await pool.reference();
  const dtype = "float32" as const;
  const drawn = { config: testCase.config, seed: 0, dtype };
  const { checkpoint } = await reference.request("load", drawn);
  const loads = [() => reference.request("load", { checkpoint, dtype }), () => reference.request("load", drawn)];
  const [unchecked, checked] = (await mediansInTurn(loads, rounds)) as [number, number];
  const bytes = readdirSync(checkpoint).reduce((sum, name) => sum + statSync(join(checkpoint, name)).size, 0);
  const figure = (what: string, value: number, from: string): Figure => ({
    ...{ section: "cache", what: `${testCase.name}: ${what}`, value: spellTime(value), from },
  });
  yield figure("load, unchecked", unchecked, `${(bytes / 1e6).toFixed(1)} MB`);
  yield figure("load, checked", checked, `${(checked / unchecked).toFixed(2)} x`);
  const inputs = testCase.inputs(0);
  const { path } = writeInputs(inputs);
  const folder = mkdtempSync(join(tmpdir(), "lockstep-bench-"));
  try {
    yield figure("inputs, written", await medianOf(() => writeSafetensors(join(folder, "inputs"), inputs)), "");
  } finally {
    rmSync(folder, { recursive: true });
  }
  yield figure("inputs, checked", await medianOf(() => writeInputs(inputs)), "");
  yield figure("sealed for a run", await medianOf(() => sealFiles([checkpoint, path]).broken()), "");
}

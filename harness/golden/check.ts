import { alongBatch } from "../compare/broadcast.ts";
import { siteOf } from "../verdict/deciding.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { SiteVerdict, Unjudged } from "../verdict/site.ts";
import { checkUnchanged } from "../engine/weights.ts";
import { sealFiles } from "../setup/seal.ts";
import { EngineFailure } from "../trace/errors.ts";
import type { Result } from "../engine/protocol.ts";
import type { Golden } from "./format/schema.ts";
import { readGolden } from "./format/file.ts";
import { judgeAgainstGolden } from "./judge.ts";
import { refuseEmptySelection, siteFilter, tapKey } from "../trace/site.ts";
import type { Case } from "../case/case.ts";
import { planted } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { goldenSeed } from "./record.ts";
import { freshCheckpoint } from "./fresh-checkpoint.ts";
import { tensorOf, visible } from "./tensors.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { defaultLimit } from "../run/live.ts";
import { mergeTaps } from "../run/pairing.ts";
import { possiblePhases } from "../case/possible-phases.ts";
import type { Ready } from "../run/routers.ts";
import { collectRouters } from "../run/routers.ts";
import { buildVerdict, errorVerdict, identify, openFrame } from "../run/verdict-builder.ts";

/** Options of a comparison with a golden. */
export interface CheckOptions {
  /** The folder of the goldens. */
  readonly folder: string;
  /** The engine that takes the place of the case's own. */
  readonly engine?: string;
  readonly limit?: number;
  /** Patterns of the sites that are compared; all sites when absent. */
  readonly sites?: readonly string[];
  /**
   * Numbers of a sketch that are used, in the first phase and in later ones, to measure how many are needed; all when
   * absent.
   */
  readonly numbers?: readonly [first: number, later: number];
}

/**
 * Runs a case's engine alone and compares it with the golden, all sites or those that match `sites`: no Python. Same
 * verdict as a live run.
 */
export async function checkGolden(
  pool: EnginePool,
  testCase: Case,
  options: CheckOptions,
): Promise<Verdict> {
  const { folder, engine: engineName = testCase.engine, limit = defaultLimit, numbers } = options;
  let frame = openFrame(testCase, { mode: "golden", engine: engineName, seed: goldenSeed, limit });
  try {
    const golden = readGolden(folder, testCase.name);
    frame = { ...frame, reference: golden.reference };
    const inputs = writeInputs(testCase.inputs(golden.seed));
    const directory = freshCheckpoint(golden, testCase, inputs);
    const engine = await pool.get(engineName);
    frame = { ...frame, engine: identify(engine.hello, testCase.fault?.name) };
    const seal = sealFiles([directory, inputs.path]);
    const loaded = await pool.load(engine, { checkpoint: directory, dtype: "float32", ...planted(testCase) });
    checkWeights(loaded, golden, directory);
    const wanted = siteFilter(options.sites);
    const places = new Map(
      golden.sites.flatMap(({ site, phase }, place) => (wanted(site) ? [[tapKey(phase, site), place] as const] : [])),
    );
    refuseEmptySelection(options.sites, golden.sites.map(({ site }) => site));
    const sites: SiteVerdict[] = [];
    const unexpected: string[] = [];
    const { possible, impossible } = possiblePhases(testCase.phases, engine.hello.capabilities);
    const only = options.sites && { sites: [...options.sites] };
    const run = { inputs: inputs.path, phases: [...possible], oracle: false, ...only };
    const judge = (ready: Ready): void => {
      const { site, phase } = ready.group;
      const place = places.get(tapKey(phase, site));
      if (place === undefined) return void unexpected.push(site);
      places.delete(tapKey(phase, site));
      const own = tensorOf(ready, "engine");
      const tensor = alongBatch(own, golden.sites[place]!) ?? own;
      const values = visible({ testCase, inputs }, { site, phase }, tensor);
      const seen = { shape: tensor.shape, dtype: tensor.dtype, values };
      const size = numbers?.[phase === testCase.phases[0]!.name ? 0 : 1];
      sites.push(judgeAgainstGolden(golden, place, seen, { limit, ...(size !== undefined && { size }) }));
    };
    const routers = collectRouters();
    await mergeTaps({ engine: engine.run(run) }, (group) => {
      for (const ready of routers.take(group)) judge(ready);
      return "go on";
    });
    for (const ready of routers.rest()) judge(ready);
    checkUnchanged(seal.broken());
    const missing = [...places.values()].map((place) => golden.sites[place]!);
    for (const [, order] of places) {
      const sketch = golden.sites[order]!;
      const why: Unjudged = impossible.get(sketch.phase) ?? { kind: "not offered" };
      const { site, phase, shape, dtype } = sketch;
      const expected = { shape: [...shape], dtype };
      sites.push(siteOf({ site, phase, order, expected, run: { status: "unknown", why }, local: null }));
    }
    const checksums = { ...golden.checksums };
    return buildVerdict(frame, { sites, missing: missing.map(({ site }) => site), unexpected, checksums });
  } catch (error) {
    return errorVerdict(frame, error);
  }
}

/** Refuses an engine that says that it has loaded other weights than the golden was recorded with. */
function checkWeights({ weights_sha256: found }: Result<"load">, { checksums }: Golden, directory: string): void {
  if (found === undefined || found === checksums.weights) return;
  throw new EngineFailure(
    `the engine has not loaded the weights of the golden: expected weights_sha256 ${checksums.weights}, found ${found}, in ${directory}`,
    { remedy: "see which files it reads, and that it hashes as docs/protocol.md says" },
  );
}

import { inOrderOfChoice } from "../compare/choice.ts";
import type { Numbers } from "../compare/distance.ts";
import { hidePadding } from "../compare/padding.ts";
import type { SiteVerdict, Verdict } from "../compare/verdict.ts";
import { drawCheckpoint } from "../golden/checkpoint.ts";
import type { Golden, GoldenSite } from "../golden/format.ts";
import { goldenVersion, hashConfig, readGolden } from "../golden/format.ts";
import { judgeAgainstGolden } from "../golden/judge.ts";
import { shareEqual, sketchSite } from "../golden/record.ts";
import { projectionSizes } from "../golden/sketch.ts";
import { generatorVersion } from "../trace/draw.ts";
import { EngineFailure, UsageError } from "../trace/errors.ts";
import { openCheckpoint } from "../trace/safetensors.ts";
import { siteFilter, tapKey } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { Case } from "./case.ts";
import type { EnginePool } from "./engines.ts";
import type { InputsFile } from "./inputs-file.ts";
import { writeInputs } from "./inputs-file.ts";
import { defaultLimit } from "./live.ts";
import type { Side } from "./merge.ts";
import { mergeTaps } from "./merge.ts";
import { possiblePhases } from "./possible-phases.ts";
import type { Ready } from "./routers.ts";
import { collectRouters } from "./routers.ts";
import { buildVerdict, errorVerdict, identify, openFrame } from "./verdict-builder.ts";

/** Goldens are recorded in float32 with this seed. */
const goldenSeed = 0;

/** Records the reference's trace of a case as sketches. */
export async function recordGolden(pool: EnginePool, found: Case): Promise<Golden> {
  const reference = await pool.reference();
  const model = await pool.load(reference, { config: found.config, seed: goldenSeed, dtype: "float32" });
  const inputs = writeInputs(found.inputs(goldenSeed));
  const run = { inputs: inputs.path, phases: found.phases, oracle: false };
  const sites: { order: number; sketch: GoldenSite }[] = [];
  const noiseOf = new Map<string, number>();
  const sketch = (ready: Ready): void => {
    const { site, phase, order } = ready.group;
    const [own, exact] = [tensorOf(ready, "reference"), tensorOf(ready, "oracle")];
    const [value, oracle] = [own, exact].map((side) => visible(found, inputs, site, phase, side));
    const size = phase === found.phases[0]!.name ? projectionSizes.first : projectionSizes.later;
    const relativeNoise = noiseOf.get(site) ?? 0;
    const tensor = { site, phase, shape: own.shape, dtype: own.dtype, reference: value!, oracle: oracle! };
    const sketched = sketchSite({ ...tensor, size, relativeNoise });
    if (sketched.noise && sketched.rms) noiseOf.set(site, sketched.noise / sketched.rms);
    sites.push({ order, sketch: sketched });
  };
  const routers = collectRouters();
  const incomplete = await mergeTaps(
    { reference: reference.run(run), oracle: reference.run({ ...run, oracle: true }) },
    (group) => {
      for (const ready of routers.take(group)) sketch(ready);
      return "go on";
    },
  );
  for (const ready of routers.rest()) sketch(ready);
  if (incomplete.length > 0)
    throw new EngineFailure(
      `${found.name}: the reference and its float64 run have different sites: ${incomplete[0]!.site}`,
    );
  const { name, version, versions } = reference.hello;
  return {
    golden: goldenVersion,
    case: found.name,
    seed: goldenSeed,
    dtype: "float32",
    reference: { name, version, versions },
    generator: generatorVersion,
    checksums: { config: hashConfig(found.config), weights: model.weights_sha256 ?? "", inputs: inputs.sha256 },
    tensors: storedTensors(model.checkpoint),
    sites: shareEqual(sites.toSorted((a, b) => a.order - b.order).map(({ sketch }) => sketch)),
  };
}

/** Runs a case's engine alone and compares it with the golden, all sites or those that match `sites`: no Python. Same verdict as a live run. */
export async function checkGolden(
  pool: EnginePool,
  found: Case,
  options: {
    readonly folder: string;
    readonly engine?: string;
    readonly limit?: number;
    readonly sites?: readonly string[];
  },
): Promise<Verdict> {
  const { folder, engine: engineName = found.engine, limit = defaultLimit } = options;
  let frame = openFrame(found, { mode: "golden", engine: engineName, seed: goldenSeed, limit });
  try {
    const golden = readGolden(folder, found.name);
    frame = { ...frame, reference: golden.reference };
    const inputs = writeInputs(found.inputs(golden.seed));
    refuseStale(golden, found, inputs);
    const { directory, sha256 } = drawCheckpoint(found.config, golden);
    if (sha256 !== golden.checksums.weights) throw stale(found, "weights", golden.checksums.weights, sha256);
    const engine = await pool.get(engineName);
    frame = { ...frame, engine: identify(engine.hello, found.fault?.name) };
    await pool.load(engine, { checkpoint: directory, dtype: "float32", ...(found.fault && { fault: found.fault }) });
    const wanted = siteFilter(options.sites);
    const places = new Map(
      golden.sites.flatMap(({ site, phase }, place) => (wanted(site) ? [[tapKey(phase, site), place] as const] : [])),
    );
    const sites: SiteVerdict[] = [];
    const unexpected: string[] = [];
    const { possible, impossible } = possiblePhases(found.phases, engine.hello.capabilities);
    const only = options.sites && { sites: [...options.sites] };
    const run = { inputs: inputs.path, phases: [...possible], oracle: false, ...only };
    const judge = (ready: Ready): void => {
      const { site, phase } = ready.group;
      const place = places.get(tapKey(phase, site));
      if (place === undefined) return void unexpected.push(site);
      places.delete(tapKey(phase, site));
      const tensor = tensorOf(ready, "engine");
      const values = visible(found, inputs, site, phase, tensor);
      sites.push(judgeAgainstGolden(golden, place, { shape: tensor.shape, dtype: tensor.dtype, values }, limit));
    };
    const routers = collectRouters();
    await mergeTaps({ engine: engine.run(run) }, (group) => {
      for (const ready of routers.take(group)) judge(ready);
      return "go on";
    });
    for (const ready of routers.rest()) judge(ready);
    const missing = [...places.values()].map((place) => golden.sites[place]!);
    for (const [, order] of places) {
      const sketch = golden.sites[order]!;
      const reason = impossible.get(sketch.phase) ?? "the engine does not offer this site";
      sites.push({ ...pick(sketch), order, status: "unknown", reason });
    }
    const checksums = { ...golden.checksums };
    return buildVerdict(frame, { sites, missing: missing.map(({ site }) => site), unexpected, checksums });
  } catch (error) {
    return errorVerdict(frame, error);
  }
}

/** The tensor of one side; experts that a router chose, and their weights, in the order of the experts. */
function tensorOf({ group, routing }: Ready, side: Side): RawTensor {
  const [tensor, choice] = [group.sides[side]!, routing?.choice.sides[side]];
  return choice ? inOrderOfChoice(tensor, choice) : tensor;
}

/** Names and shapes as the checkpoint stores them (which may differ from the module names). @throws EngineFailure for one that is not drawn. */
function storedTensors(checkpoint: string): Golden["tensors"] {
  return [...openCheckpoint(checkpoint).entries.values()].map(({ name, shape, dtype }) => {
    if (dtype !== "F32")
      throw new EngineFailure(`${checkpoint}: ${name} is ${dtype}; a golden can draw F32 tensors only`);
    return [name, [...shape]];
  });
}

function pick({ site, phase, shape, dtype }: GoldenSite) {
  return { site, phase, shape, dtype };
}

/** A golden of another config, other inputs or another generator says nothing about this case. */
function refuseStale(golden: Golden, found: Case, inputs: InputsFile): void {
  const config = hashConfig(found.config);
  if (golden.checksums.config !== config) throw stale(found, "config", golden.checksums.config, config);
  if (golden.checksums.inputs !== inputs.sha256) throw stale(found, "inputs", golden.checksums.inputs, inputs.sha256);
  if (golden.generator !== generatorVersion)
    throw stale(found, "generator", `${golden.generator}`, `${generatorVersion}`);
}

function stale({ name }: Case, what: string, expected: string, found: string): UsageError {
  return new UsageError(
    `the golden of ${name} is stale: its ${what} is ${expected.slice(0, 12)}, the case has ${found.slice(0, 12)}; record it again with: lockstep golden record ${name}`,
  );
}

function visible(found: Case, inputs: InputsFile, site: string, phase: string, tensor: RawTensor): Numbers {
  const spec = found.phases.find(({ name }) => name === phase);
  const values = toNumbers(tensor);
  if (!inputs.padded || !spec) return values;
  const copy = values.slice();
  hidePadding(site, tensor.shape, inputs.tokensOf(spec), copy);
  return copy;
}

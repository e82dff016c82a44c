import { ofReference } from "../run/blame.ts";
import { hashConfig } from "../case/config-hash.ts";
import type { Golden, GoldenSite } from "./format/schema.ts";
import { goldenVersion } from "./format/schema.ts";
import { sketchSite } from "./format/sketch-site.ts";
import { projectionSizes } from "./format/sketch.ts";
import { generatorVersion } from "../trace/draw.ts";
import { EngineFailure, UsageError } from "../trace/errors.ts";
import { openCheckpoint } from "../trace/safetensors.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { tensorOf, visible } from "./tensors.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { mergeTaps } from "../run/pairing.ts";
import type { Ready } from "../run/routers.ts";
import { collectRouters } from "../run/routers.ts";

/** Goldens are recorded in float32 with this seed. */
export const goldenSeed = 0;

/**
 * Records the reference's trace of a case as sketches. @throws UsageError for a case with weights of its own: a golden
 * draws its weights.
 */
export async function recordGolden(pool: EnginePool, testCase: Case): Promise<Golden> {
  if (testCase.checkpoint !== undefined)
    throw new UsageError(`${testCase.name}: expected a case whose weights are drawn, found ${testCase.checkpoint}`);
  const reference = await pool.reference();
  const model = await ofReference(pool.load(reference, { config: testCase.config, seed: goldenSeed, dtype: "float32" }));
  const inputs = writeInputs(testCase.inputs(goldenSeed));
  const run = { inputs: inputs.path, phases: testCase.phases, oracle: false };
  const sites: { order: number; sketch: GoldenSite }[] = [];
  const noiseOf = new Map<string, number>();
  const sketch = (ready: Ready): void => {
    const { site, phase } = ready.group;
    const [own, exact] = [tensorOf(ready, "reference"), tensorOf(ready, "oracle")];
    const [value, oracle] = [own, exact].map((side) => visible({ testCase, inputs }, { site, phase }, side));
    const size = phase === testCase.phases[0]!.name ? projectionSizes.first : projectionSizes.later;
    const relativeNoise = noiseOf.get(site) ?? 0;
    const tensor = { site, phase, shape: own.shape, dtype: own.dtype, reference: value!, oracle: oracle! };
    const sketched = sketchSite({ ...tensor, size, relativeNoise });
    if (sketched.noise && sketched.rms) noiseOf.set(site, sketched.noise / sketched.rms);
    sites.push({ order: orderOf(ready), sketch: sketched });
  };
  const routers = collectRouters();
  const incomplete = await ofReference(
    mergeTaps({ reference: reference.run(run), oracle: reference.run({ ...run, oracle: true }) }, (group) => {
      for (const ready of routers.take(group)) sketch(ready);
      return "go on";
    }),
  );
  for (const ready of routers.rest()) sketch(ready);
  if (incomplete.length > 0)
    throw new EngineFailure(
      `${testCase.name}: the reference and its float64 run have different sites: ${incomplete[0]!.site}`,
    );
  const { name, version, versions } = reference.hello;
  return {
    golden: goldenVersion,
    case: testCase.name,
    seed: goldenSeed,
    dtype: "float32",
    reference: { name, version, versions },
    generator: generatorVersion,
    checksums: {
      config: hashConfig(testCase.config),
      weights: model.weights_sha256 ?? "",
      inputs: inputs.sha256,
      phases: hashConfig(testCase.phases),
    },
    tensors: storedTensors(model.checkpoint),
    sites: sites.toSorted((a, b) => a.order - b.order).map((one) => one.sketch),
  };
}

/**
 * A router's choice comes before the weights of what it chose, which follow from it: the first that differs is the
 * culprit.
 */
function orderOf({ group, routing }: Ready): number {
  return routing?.choice === group ? routing.logits.order + 0.5 : group.order;
}

/**
 * Names and shapes as the checkpoint stores them (which may differ from the module names). @throws EngineFailure for
 * one that is not drawn.
 */
function storedTensors(checkpoint: string): Golden["tensors"] {
  return [...openCheckpoint(checkpoint).entries.values()].map(({ name, shape, dtype }) => {
    if (dtype !== "F32")
      throw new EngineFailure(`${checkpoint}: ${name} is ${dtype}; a golden can draw F32 tensors only`);
    return [name, [...shape]];
  });
}

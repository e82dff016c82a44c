import { ofReference } from "./blame.ts";
import { createHash } from "node:crypto";
import type { Power } from "../verdict/explanation.ts";
import type { EngineProcess } from "../engine/process.ts";
import type { InputFacts, Visibility } from "../explain/power.ts";
import { summarisePower } from "../explain/power.ts";
import { withoutLayer } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import type { Case } from "../case/case.ts";
import { powerSeed } from "../case/key.ts";
import type { EnginePool } from "../engine/pool.ts";
import type { InputsFile } from "../case/inputs-file.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { defaultLimit } from "./live.ts";
import { replayRun } from "./replay.ts";

/** Phases in which one place is looked at. */
const mostPhases = 6;

/** Places that are recorded in one pass: each keeps the call that leads to it in memory. */
const placesAtOnce = 40;

/** The power of a case, with the changes and the facts of the inputs that it was measured with. */
export interface MeasuredPower {
  readonly power: Power;
  readonly changes: readonly Visibility[];
  readonly facts: InputFacts;
}

/**
 * Measures a case's power: the reference stands for the engine, and at each distinct place all likely changes of it are
 * made, one at a time. `progress` is told the places done and their number. `only` names the places (sites without
 * layer numbers) to look at.
 */
export async function measurePower(
  pool: EnginePool,
  testCase: Case,
  progress: (done: number, all: number) => void = () => undefined,
  only?: ReadonlySet<string>,
): Promise<MeasuredPower> {
  const reference = await pool.reference();
  const weights = testCase.checkpoint
    ? { checkpoint: testCase.checkpoint }
    : { config: testCase.config, seed: powerSeed };
  await ofReference(pool.load(reference, { ...weights, dtype: "float32" }));
  const inputs = writeInputs(testCase.inputs(powerSeed));
  const run = { inputs: inputs.path, phases: testCase.phases };
  const places = (await findPlaces(reference, run)).filter(({ site }) => !only || only.has(withoutLayer(site)));
  const changes: Visibility[] = [];
  for (let start = 0; start < places.length; start += placesAtOnce) {
    const some = places.slice(start, start + placesAtOnce);
    const explain = some.flatMap(({ site, phases }) => phases.map((phase) => ({ site, phase })));
    await replayRun({ engine: reference, reference }, { ...run, explain });
    for (const [place, { site, phases }] of some.entries()) {
      progress(start + place, places.length);
      const result = await reference.request("power", { site, phases: [...phases], limit: defaultLimit });
      const seen = result.changes.map(({ id, category, changes: made, part, needs, ratio }) => ({
        ...{ site, id, category, part, needs, ratio },
        changes: made,
      }));
      changes.push(...seen);
    }
  }
  const facts = factsOf(testCase, inputs);
  return { power: summarisePower(changes, defaultLimit, facts), changes, facts };
}

interface Place {
  readonly site: string;
  readonly phases: string[];
}

/**
 * One site of every distinct place: the same place in another layer of the same kind is not looked at again, nor is a
 * tensor that is only passed on.
 */
async function findPlaces(reference: EngineProcess, run: { inputs: string; phases: Case["phases"] }): Promise<Place[]> {
  const sites = new Map<string, Place & { signature: string; passedOn: boolean }>();
  let [current, seen] = ["", new Set<string>()];
  for await (const { phase, taps } of reference.run({ ...run, oracle: false })) {
    if (phase !== current) [current, seen] = [phase, new Set()];
    for (const { site, tensor } of taps) {
      const content = fingerprint(tensor);
      const known = sites.get(site);
      const passedOn = seen.has(content);
      seen.add(content);
      if (!known) {
        const kind = tensor.dtype.startsWith("F") || tensor.dtype === "BF16" ? `${tensor.shape}` : content;
        sites.set(site, { site, phases: [phase], signature: `${withoutLayer(site)} ${kind}`, passedOn });
      } else if (known.phases.length < mostPhases) {
        known.phases.push(phase);
        known.signature += ` ${tensor.shape}`;
      }
    }
  }
  const first = new Map<string, Place>();
  for (const { signature, passedOn, ...place } of sites.values())
    if (!passedOn && !first.has(signature)) first.set(signature, place);
  return [...first.values()];
}

function fingerprint({ dtype, shape, bytes }: RawTensor): string {
  return `${dtype} ${shape} ${createHash("sha1").update(bytes).digest("base64")}`;
}

function factsOf({ phases }: Case, inputs: InputsFile): InputFacts {
  const whole = inputs.tokensOf(phases[0]!);
  return {
    longest: Math.max(...phases.map(({ end }) => end)),
    sequences: whole.batch,
    padded: inputs.padded,
    decodes: phases.some(({ name }) => name.startsWith("decode")),
    chunked: phases.some(({ start, cache }) => cache && start > 0),
    media: inputs.media,
  };
}

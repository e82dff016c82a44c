import { expect, test } from "vitest";
import { TypeScriptEngine } from "../runtime/engine.ts";
import type { Recorded } from "../testing/tiny.ts";
import { record, writeCheckpoint, writeInputs } from "../testing/tiny.ts";
import type { TokenMask } from "../../../harness/compare/padding.ts";
import { hidePadding } from "../../../harness/compare/padding.ts";
import type { FaultSpec } from "../../../harness/engine/specs.ts";
import type { Case } from "../../../harness/case/case.ts";
import { loadCases, standardFolders } from "../../../harness/case/discover.ts";
import type { KnownFault } from "../../../harness/engine/faults.ts";
import { loadFaults } from "../../../harness/engine/faults.ts";
import { toNumbers } from "../../../harness/trace/tensor.ts";

/**
 * Each fault against the engine without it: the first site in execution order that is not bit-equal must be the one
 * that the fault names. Rows of left padding are not compared, as in the harness.
 */
interface Place {
  readonly phase: string;
  readonly site: string;
}

const [cases, faults] = await Promise.all([loadCases(standardFolders.cases), loadFaults([import.meta.dirname])]);
const healthy = new Map<string, Promise<Recorded[]>>();
const checkpoints = new Map<string, string>();

test.each(faults.map((fault) => [fault.id, fault] as const))("%s", async (_, fault) => {
  const planted = cases.find(({ name }) => name === fault.case)!;
  const wanted = { phase: fault.phase ?? planted.phases[0]?.name ?? "shapes", site: fault.at };
  expect(withoutType(await firstDifference(planted, fault))).toEqual(withoutType(wanted));
});

test("every fault has a title of its own", () => {
  const titles = faults.map(({ title }) => title);
  expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
});

/** The rotary tables of two layer types do not depend on each other: their order is that of a set in the reference. */
function withoutType(place: Place | null): Place | null {
  return place && { ...place, site: place.site.replace(/@(full|sliding)_attention$/, "") };
}

function firstDifference(planted: Case, { spec }: KnownFault): Promise<Place | null> {
  return planted.kind === "shapes" ? firstOtherShape(planted, spec) : firstOtherValue(planted, spec);
}

async function firstOtherShape({ config, inputs }: Case, fault: FaultSpec): Promise<Place | null> {
  const file = writeInputs(inputs(16));
  const engine = new TypeScriptEngine();
  const [right, wrong] = [
    await engine.shapes({ config, inputs: file }),
    await engine.shapes({ config, inputs: file, fault }),
  ];
  const found = new Map(wrong.sites.map(({ site, shape }) => [site, shape.join()]));
  const named = right.sites.filter(({ site }) => !site.includes("#")); // the reference has no others without values
  const first = named.find(({ site, shape }) => found.get(site) !== shape.join());
  return first ? { phase: "shapes", site: first.site } : null;
}

async function firstOtherValue(planted: Case, fault: FaultSpec): Promise<Place | null> {
  const { name } = planted;
  if (!healthy.has(name)) healthy.set(name, run(planted));
  const wrong = new Map((await run(planted, fault)).map((tap) => [`${tap.phase}|${tap.site}`, tap]));
  const right = await healthy.get(name)!;
  const differs = (tap: Recorded): boolean => {
    const other = wrong.get(`${tap.phase}|${tap.site}`);
    return !other || other.shape.join() !== tap.shape.join() || !equal(visible(planted, tap), visible(planted, other));
  };
  const first = right.find(differs);
  // A router's weights, tapped first, are those of what it chose.
  const choice = right.find((tap) => isChoiceOf(tap, first) && differs(tap)) ?? first;
  return choice ? { phase: choice.phase, site: choice.site } : null;
}

/** True when `tap` is a further output, integers, of the module whose output `weights` is. */
function isChoiceOf({ phase, site, raw }: Recorded, weights: Recorded | undefined): boolean {
  const output = /:out\.\d+$/;
  if (!weights || phase !== weights.phase || raw.dtype !== "I64" || !output.test(weights.site)) return false;
  return output.test(site) && site.replace(output, "") === weights.site.replace(output, "");
}

function run(planted: Case, fault?: FaultSpec): Promise<Recorded[]> {
  const config = JSON.stringify(planted.config);
  if (!checkpoints.has(config)) checkpoints.set(config, writeCheckpoint(planted.config));
  return record(checkpoints.get(config)!, planted.inputs(0), planted.phases, fault && { fault });
}

/** The values of a tap with those of padding tokens zeroed. */
function visible({ inputs, phases }: Case, { phase, site, shape, raw }: Recorded): ArrayLike<number> {
  const { start, end } = phases.find(({ name }) => name === phase)!;
  const mask = inputs(0).get("attention_mask")!;
  const [batch, length] = mask.shape as [number, number];
  const tokens: TokenMask = { batch, start, end, mask: toNumbers(mask), length };
  const values = toNumbers(raw).slice();
  // What a real query may read of padding is compared: only queries are hidden there.
  hidePadding(site.replace(/#(mask|probs)$/, "#q_rope"), shape, tokens, values);
  return values;
}

function equal(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  for (let index = 0; index < a.length; index++) if (!Object.is(a[index], b[index])) return false;
  return true;
}

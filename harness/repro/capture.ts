/** Takes the tensors around one site of a failing verdict from a run of the same case. */
import type { Verdict } from "../verdict/schema.ts";
import type { Params } from "../engine/protocol.ts";
import type { PhaseSpec } from "../engine/specs.ts";
import { checkUnchanged } from "../engine/weights.ts";
import { sealFiles } from "../setup/seal.ts";
import type { Permission } from "../engine/trust.ts";
import { permittedEngine } from "../engine/trust.ts";
import { responsibleModule } from "../explain/culprits.ts";
import { UsageError } from "../trace/errors.ts";
import type { SiteParts } from "../trace/site.ts";
import { parseSite } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import { hidePadding } from "../compare/padding.ts";
import type { Case } from "../case/case.ts";
import { planted } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import type { KnownFault } from "../engine/faults.ts";
import { plant } from "../selftest/faults.ts";
import { feeding } from "../run/replay.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { mergeTaps } from "../run/pairing.ts";
import { whyOf } from "../verdict/deciding.ts";
import type { Why } from "../verdict/site.ts";

/** A site to reproduce: where, in which phase, and whether it was judged on the engine's own data. */
export interface Wanted {
  readonly site: string;
  readonly parts: SiteParts;
  readonly phase: string;
  readonly local: boolean;
  /** The reason that it fails for. */
  readonly why: Why;
}

/** The tensors that a run gave around the site, and what it ran on. */
export interface Captured {
  /** The module whose own work the site is: the module itself, or the one whose glue makes another's input. */
  readonly owner: string;
  /** The reference's tensor: on the engine's data where the site was judged locally. */
  readonly expected: RawTensor;
  readonly found: RawTensor;
  /**
   * The tensors that the engine recorded in that phase at the owner and inside it, up to the site itself, by site; its
   * caches after the phase before are there as `before.cache.N.key`.
   */
  readonly recorded: ReadonlyMap<string, RawTensor>;
  readonly checkpoint: string;
  readonly inputs: string;
  /** This phase, after those that its cache comes from. */
  readonly phases: readonly PhaseSpec[];
  /** True when elements of padding tokens were made equal: nobody compares them. */
  readonly padded: boolean;
}

/**
 * The site of a verdict that shall be reproduced: the named one, else the culprit's, in the first phase in which it
 * fails.
 * @throws UsageError when the verdict passes, has no values, or the site is not in it, or does not fail.
 */
export function chooseSite(verdict: Verdict, name: string | undefined): Wanted {
  const where = `the verdict of ${verdict.case}`;
  if (verdict.mode === "shapes")
    throw new UsageError(`${where} compares shapes only; there are no tensors to reproduce, lockstep shapes shows it`);
  if (verdict.status === "pass") throw new UsageError(`${where} passes: there is no difference to reproduce`);
  const site = name ?? verdict.culprit?.site;
  if (site === undefined)
    throw new UsageError(`${where} (${verdict.status}) has no culprit; expected the name of a site that fails`);
  const here = verdict.sites.filter((one) => one.site === site);
  if (here.length === 0) throw new UsageError(`${where} has no site ${site}; ${similar(verdict, site)}`);
  const failing = here.filter(({ status }) => status === "fail").toSorted((a, b) => a.order - b.order);
  const [first] = failing;
  if (!first) throw new UsageError(`${site} does not fail in ${where} (${here[0]!.status}); ${similar(verdict, site)}`);
  return {
    site,
    parts: parseSite(site),
    phase: first.phase,
    local: first.local?.status === "fail",
    why: whyOf(first)!,
  };
}

function similar({ sites }: Verdict, wanted: string): string {
  const failing = [...new Set(sites.filter(({ status }) => status === "fail").map(({ site }) => site))];
  const { module } = parseSite(wanted);
  const near = failing.filter((site) => site.startsWith(module));
  return `these fail: ${(near.length > 0 ? near : failing).slice(0, 8).join(", ")}`;
}

/**
 * The case of a verdict, with its fault planted, and the engine to start, as `--engine` names it.
 * @throws UsageError when the case or the fault is not there any more, the verdict does not say what it takes, or names
 * an engine that nobody has permitted.
 */
export function findAgain(
  verdict: Verdict,
  { cases, faults }: { readonly cases: readonly Case[]; readonly faults: readonly KnownFault[] },
  permission: Permission,
): { testCase: Case; engine: string } {
  const testCase = cases.find(({ name }) => name === verdict.case);
  if (!testCase)
    throw new UsageError(
      `there is no case ${verdict.case}; for a checkpoint's verdict give --checkpoint and --ids again`,
    );
  const engine = permittedEngine(verdict.rerun?.engine ?? verdict.engine.name, testCase.engine, permission);
  const { fault: id } = verdict.rerun ?? {};
  const { fault: name } = verdict.engine;
  if (id === undefined && (name === undefined || name === testCase.fault?.name)) return { testCase, engine };
  const matching = faults.filter((fault) => (id === undefined ? fault.spec.name === name : fault.id === id));
  const [fault] = matching.filter((one) => one.case === verdict.case);
  if (!fault || matching.length > 1)
    throw new UsageError(
      `the verdict's fault ${id ?? name} is ${fault ? "the name of several faults" : "no known fault of that case"}; make the verdict again`,
    );
  return { testCase: plant(fault, cases), engine };
}

/** Runs the case again and takes the site's tensors. @throws UsageError when the run does not come by the site. */
export async function captureSite(
  pool: EnginePool,
  testCase: Case,
  options: {
    readonly engine: string;
    readonly dtype: Params<"load">["dtype"];
    readonly seed: number;
    readonly wanted: Wanted;
  },
): Promise<Captured> {
  const { wanted, seed, dtype } = options;
  const reference = await pool.reference();
  const engine = await pool.get(options.engine);
  const weights = testCase.checkpoint ? { checkpoint: testCase.checkpoint } : { config: testCase.config, seed };
  const model = await pool.load(reference, { ...weights, dtype });
  const { checkpoint } = model;
  await pool.load(engine, { checkpoint, dtype, ...planted(testCase) });
  const inputs = writeInputs(testCase.inputs(seed));
  const seal = sealFiles([checkpoint, inputs.path]);
  const place = testCase.phases.findIndex(({ name }) => name === wanted.phase);
  const phase = testCase.phases[place]!;
  const phases = chainOf(testCase.phases, place);
  const owner = responsibleModule(wanted.site);
  const recorded = new Map<string, RawTensor>();
  let pair: Pick<Captured, "expected" | "found"> | undefined;
  const run = { inputs: inputs.path, phases: testCase.phases.slice(0, place + 1), oracle: false };
  const replay = reference.replay(run);
  await mergeTaps(
    {
      reference: reference.run(run),
      localReference: replay.stream,
      engine: feeding(engine, run, [replay.feed]),
    },
    ({ site, phase: at, sides }) => {
      if (at === phases.at(-2)?.name && site.startsWith("cache.")) recorded.set(`before.${site}`, sides.engine!);
      if (at !== wanted.phase || pair) return "go on";
      const { module } = parseSite(site);
      if (owner === "" || module === owner || module.startsWith(`${owner}.`)) recorded.set(site, sides.engine!);
      if (site === wanted.site)
        pair = { expected: wanted.local ? sides.localReference! : sides.reference!, found: sides.engine! };
      return "go on";
    },
  );
  checkUnchanged(seal.broken());
  if (!pair) throw new UsageError(`${wanted.site} was not met in ${wanted.phase} when ${testCase.name} was run again`);
  const tokens = inputs.padded ? inputs.tokensOf(phase) : null;
  return {
    ...pair,
    ...(tokens && { found: withoutPadding(pair, wanted.site, tokens) }),
    ...{ owner, recorded, phases },
    checkpoint,
    inputs: inputs.path,
    padded: tokens !== null,
  };
}

/** The phase at `place` and those before it that its cache comes from, as one line: what branches off is left out. */
function chainOf(all: readonly PhaseSpec[], place: number): PhaseSpec[] {
  const { from, ...phase } = all[place]!;
  if (!phase.cache || phase.start === 0) return [phase];
  const earlier = all.slice(0, place);
  const before = earlier.findLastIndex(({ name, cache }) => cache && (from === undefined || name === from));
  return [...chainOf(all, before), phase];
}

/** `found` with `expected` in the place of what belongs to padding tokens. */
function withoutPadding(
  { expected, found }: Pick<Captured, "expected" | "found">,
  site: string,
  tokens: Parameters<typeof hidePadding>[2],
): RawTensor {
  if (found.dtype !== expected.dtype || found.shape.join() !== expected.shape.join()) return found;
  const real = toNumbers(found).slice().fill(1);
  hidePadding(site, found.shape, tokens, real);
  const bytes = found.bytes.slice();
  const width = bytes.length / real.length;
  real.forEach((value, index) => {
    if (value === 0) bytes.set(expected.bytes.subarray(index * width, (index + 1) * width), index * width);
  });
  return { ...found, bytes };
}

import { whyOf } from "../verdict/deciding.ts";
import { ofReference } from "./blame.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { Why } from "../verdict/site.ts";
import { EngineFailure } from "../trace/errors.ts";
import type { EngineProcess } from "../engine/process.ts";
import type { Result } from "../engine/protocol.ts";
import { responsibleModule } from "../explain/culprits.ts";
import { parseSite } from "../trace/site.ts";
import { auditConfig, auditTensors } from "./audits.ts";
import type { Case } from "../case/case.ts";
import { planted } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { defaultLimit } from "./live.ts";
import type { TwoShapes } from "./shapes-culprit.ts";
import { explainCulprit, shapeLengths } from "./shapes-culprit.ts";
import { judgeShapes } from "./shapes-judging.ts";
import type { Findings } from "./verdict-builder.ts";
import { buildVerdict, errorVerdict, identify, openFrame } from "./verdict-builder.ts";

/**
 * Compares the shapes of all module sites of a config of any size, without weights. Functional sites serve as evidence.
 */
export async function runShapesCase(
  pool: EnginePool,
  testCase: Case,
  options: { engine?: string } = {},
): Promise<Verdict> {
  return compareShapesWith(pool, testCase, options, async () => {
    const reference = await pool.reference();
    return { identity: identify(reference.hello), shapes: await askShapes(reference, testCase) };
  });
}

/** The shapes of one side with the name of what gave them. */
export interface KnownShapes {
  readonly identity: Verdict["reference"];
  readonly shapes: TwoShapes;
}

/** Compares an engine's shapes with those that `ask` gives. Never throws for what an engine does. */
export async function compareShapesWith(
  pool: EnginePool,
  testCase: Case,
  options: { engine?: string },
  ask: () => Promise<KnownShapes>,
): Promise<Verdict> {
  const engineName = options.engine ?? testCase.engine;
  let frame = openFrame(testCase, { mode: "shapes", engine: engineName, limit: defaultLimit });
  try {
    const engine = await pool.get(engineName);
    frame = { ...frame, engine: identify(engine.hello, testCase.fault?.name) };
    const both = [ofReference(ask()), askShapes(engine, testCase, planted(testCase))] as const;
    await Promise.allSettled(both); // what the reference refuses no engine is to blame for, whoever answers first
    const [reference, ours] = [await both[0], await both[1]];
    frame = { ...frame, reference: reference.identity };
    return buildVerdict(frame, compareShapes(testCase, ours, reference.shapes));
  } catch (error) {
    return errorVerdict(frame, error);
  }
}

/**
 * Asks one side for all shapes at two lengths; `extra` is what the engine under test is told beside the case.
 * @throws EngineFailure for a site that is listed twice: nobody can tell which of the two is meant.
 */
export async function askShapes(
  side: EngineProcess,
  testCase: Case,
  extra: ReturnType<typeof planted> = {},
): Promise<TwoShapes> {
  const ask = async (length: number): Promise<Result<"shapes">> => {
    const inputs = writeInputs(testCase.inputs(length)).path;
    const shapes = await side.request("shapes", { config: testCase.config, inputs, ...extra });
    refuseRepeated(shapes, side.hello.name);
    return shapes;
  };
  const first = await ask(shapeLengths.first);
  const { sites, stop } = await ask(shapeLengths.second);
  return { first, second: new Map(sites.map(({ site, shape }) => [site, shape])), ...(stop && { secondStop: stop }) };
}

function refuseRepeated({ sites }: Result<"shapes">, name: string): void {
  const seen = new Set<string>();
  for (const { site } of sites) {
    if (seen.has(site))
      throw new EngineFailure(`${name} lists ${site} twice in its answer to shapes; expected it once`);
    seen.add(site);
  }
}

function compareShapes(testCase: Case, ours: TwoShapes, theirs: TwoShapes): Findings {
  const referenceSites = theirs.first.sites.filter(({ site }) => isModuleSite(site));
  const sites = judgeShapes(referenceSites, ours, theirs);
  const known = new Set(referenceSites.map(({ site }) => site));
  const unexpected = [...ours.first.sites.map(({ site }) => site), ...ours.second.keys()].filter(
    (site) => isModuleSite(site) && !known.has(site),
  );
  const first = sites.find(({ status }) => status === "fail");
  const audit = auditConfig(
    ours.first.config_reads,
    theirs.first.config_reads,
    first ? responsibleModule(first.site) : null,
  );
  return {
    sites,
    missing: sites.filter(({ status }) => status === "unknown").map(({ site }) => site),
    unexpected,
    tensor_audit: auditTensors(ours.first.tensors, theirs.first.tensors),
    config_audit: audit,
    ...(first &&
      isSizeMismatch(whyOf(first)) && { culprit: explainCulprit({ testCase, first, sites, ours, theirs, audit }) }),
  };
}

/** True for sizes that differ at the first length: those that explanations are made of. */
function isSizeMismatch(why: Why | null): boolean {
  return why?.kind === "shape" && why.length === undefined;
}

/** Module ports, caches and logits: the skeleton that every engine has. */
function isModuleSite(site: string): boolean {
  return parseSite(site).functional === null;
}

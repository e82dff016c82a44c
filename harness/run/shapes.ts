import { ofReference } from "./blame.ts";
import { siteOf } from "../verdict/deciding.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { Judgement, SiteVerdict } from "../verdict/site.ts";
import type { EngineProcess } from "../engine/process.ts";
import type { Result } from "../engine/protocol.ts";
import { responsibleModule } from "../explain/culprits.ts";
import { parseSite } from "../trace/site.ts";
import { auditConfig, auditTensors } from "./audits.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { defaultLimit } from "./live.ts";
import type { TwoShapes } from "./shapes-culprit.ts";
import { explainCulprit, shapeLengths } from "./shapes-culprit.ts";
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
    const [reference, ours] = await Promise.all([ofReference(ask()), askShapes(engine, testCase, testCase.fault)]);
    frame = { ...frame, reference: reference.identity };
    return buildVerdict(frame, compareShapes(testCase, ours, reference.shapes));
  } catch (error) {
    return errorVerdict(frame, error);
  }
}

/** Asks an engine for all shapes at two lengths. */
export async function askShapes(side: EngineProcess, testCase: Case, fault?: Case["fault"]): Promise<TwoShapes> {
  const ask = (length: number): Promise<Result<"shapes">> =>
    side.request("shapes", {
      config: testCase.config,
      inputs: writeInputs(testCase.inputs(length)).path,
      ...(fault && { fault }),
    });
  const first = await ask(shapeLengths.first);
  const second = await ask(shapeLengths.second);
  return { first, second: new Map(second.sites.map(({ site, shape }) => [site, shape])) };
}

function compareShapes(testCase: Case, ours: TwoShapes, theirs: TwoShapes): Findings {
  const engineSites = new Map(ours.first.sites.map((tap) => [tap.site, tap]));
  const referenceSites = theirs.first.sites.filter(({ site }) => isModuleSite(site));
  const { stop } = ours.first;
  const sites = referenceSites.map(({ site, shape, dtype }, order): SiteVerdict => {
    const judged = (run: Judgement): SiteVerdict =>
      siteOf({ site, phase: "shapes", order, expected: { shape, dtype }, run, local: null });
    const tap = engineSites.get(site) ?? (stop?.site === site && stop.found ? { shape: stop.found, dtype } : undefined);
    if (!tap)
      return judged({ status: "unknown", why: stop ? { kind: "stopped", at: stop.site } : { kind: "not offered" } });
    const differs =
      tap.shape.join() !== shape.join() || ours.second.get(site)?.join() !== theirs.second.get(site)?.join();
    if (!differs || (stop && !ours.second.has(site) && tap.shape.join() === shape.join()))
      return judged({ status: "pass" });
    return judged({ status: "fail", why: { kind: "shape", expected: shape, found: tap.shape } });
  });
  const known = new Set(referenceSites.map(({ site }) => site));
  const unexpected = ours.first.sites.map(({ site }) => site).filter((site) => isModuleSite(site) && !known.has(site));
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
    ...(first && { culprit: explainCulprit({ testCase, first, sites, ours, theirs, audit }) }),
  };
}

/** Module ports, caches and logits: the skeleton that every engine has. */
function isModuleSite(site: string): boolean {
  return parseSite(site).functional === null;
}

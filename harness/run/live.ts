import { siteOf } from "../verdict/deciding.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { SiteVerdict, Unjudged } from "../verdict/site.ts";
import type { EngineProcess } from "../engine/process.ts";
import type { Params, Result } from "../engine/protocol.ts";
import { checkUnchanged } from "../engine/weights.ts";
import { sealFiles } from "../setup/seal.ts";
import { readPower } from "../golden/format/power.ts";
import { checkAmplification } from "./amplification.ts";
import { blame, ofReference } from "./blame.ts";
import { auditConfig, auditTensors } from "./audits.ts";
import type { Case } from "../case/case.ts";
import { planted } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { goldenFolder } from "../case/discover.ts";
import { explainVerdict } from "./explain.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { judgeGroups } from "./judging.ts";
import type { Incomplete } from "./pairing.ts";
import type { Side } from "./pairing.ts";
import { mergeTaps } from "./pairing.ts";
import { caseKey } from "../case/key.ts";
import { refuseEmptySelection } from "../trace/site.ts";
import { feeding } from "./replay.ts";
import type { PossiblePhases } from "../case/possible-phases.ts";
import { possiblePhases } from "../case/possible-phases.ts";
import type { Findings, Frame } from "./verdict-builder.ts";
import { compareTensorValues } from "./tensor-values.ts";
import { buildVerdict, describeError, errorVerdict, identify, openFrame } from "./verdict-builder.ts";
import { responsibleModule, findCulprits } from "../explain/culprits.ts";

/** The limit of every site, model and dtype, in noise units. */
export const defaultLimit = 4;

/** Seconds spent on the cause at one culprit, where nothing else is asked for. */
const defaultSeconds = 20;

/** Options of a run. */
export interface RunOptions {
  /** The engine that takes the place of the case's own. */
  readonly engine?: string;
  readonly dtype?: Params<"load">["dtype"];
  readonly seed?: number;
  readonly limit?: number;
  /** Patterns of the sites that are compared; all sites when absent. */
  readonly sites?: readonly string[];
  /** True to stop both sides at the first culprit. */
  readonly bail?: boolean;
  /** Seconds to search for the cause at one culprit; 0 not to search. */
  readonly explain?: number;
  /** Called with the number of sites judged so far. */
  readonly progress?: (sites: number, doing?: string) => void;
}

/**
 * Runs one case against the live reference. Never throws for what an engine does: a crash becomes a verdict of status
 * `error`.
 */
export async function runCase(pool: EnginePool, testCase: Case, options: RunOptions = {}): Promise<Verdict> {
  const { dtype = "float32", seed = 0, limit = defaultLimit } = options;
  const engineName = options.engine ?? testCase.engine;
  let frame = openFrame(testCase, { mode: "live", engine: engineName, dtype, seed, limit });
  try {
    const reference = await pool.reference();
    frame = { ...frame, reference: identify(reference.hello) };
    const engine = await pool.get(engineName);
    frame = { ...frame, engine: identify(engine.hello, testCase.fault?.name) };
    const { findings, explain } = await compareLive({ pool, reference, engine, frame, options });
    return await explain(buildVerdict(frame, findings));
  } catch (error) {
    return errorVerdict(frame, error);
  }
}

interface Setting {
  readonly pool: EnginePool;
  readonly reference: EngineProcess;
  readonly engine: EngineProcess;
  readonly frame: Frame;
  readonly options: RunOptions;
}

/** The findings of a comparison, and the function that adds explanations to their verdict. */
interface Compared {
  readonly findings: Findings;
  readonly explain: (verdict: Verdict) => Promise<Verdict>;
}

async function compareLive({ pool, reference, engine, frame, options }: Setting): Promise<Compared> {
  const { testCase, seed, limit } = frame;
  const dtype = frame.dtype as Params<"load">["dtype"];
  const weights = testCase.checkpoint ? { checkpoint: testCase.checkpoint } : { config: testCase.config, seed };
  const model = await ofReference(pool.load(reference, { ...weights, dtype }));
  const { checkpoint } = model;
  const own = await pool.load(engine, { checkpoint, dtype, ...planted(testCase) });
  const values = await compareTensorValues(
    { process: engine, tensors: own.tensors },
    { process: reference, tensors: model.tensors },
  );
  const inputs = writeInputs(testCase.inputs(seed));
  const seal = sealFiles([checkpoint, inputs.path]);
  const run = {
    inputs: inputs.path,
    phases: testCase.phases,
    oracle: false,
    ...(options.sites && { sites: [...options.sites] }),
  };
  const { possible, impossible } = possiblePhases(testCase.phases, engine.hello.capabilities);
  const enginesRun = { ...run, phases: [...possible] };
  const judging = judgeGroups({ testCase, inputs, limit, bail: options.bail ?? false, progress: options.progress });
  let failing: Side = "engine";
  const local = [reference.replay(enginesRun), reference.replay({ ...enginesRun, oracle: true })] as const;
  const { incomplete, failure } = await mergeTaps(
    {
      reference: reference.run(run),
      oracle: reference.run({ ...run, oracle: true }),
      localReference: local[0].stream,
      localOracle: local[1].stream,
      engine: feeding(
        engine,
        enginesRun,
        local.map(({ feed }) => feed),
      ),
    },
    judging.complete,
    (side) => (failing = side),
  ).then(
    (left) => ({ incomplete: left, failure: null }),
    // What was judged before an engine broke tells where it broke.
    async (error: unknown) => ({
      incomplete: [],
      failure: await blame(error, { side: failing, reference, run }),
    }),
  );
  if (failure) {
    const left = withLeftovers(judging.sites, [], impossible);
    const findings = { ...judging.findings(), ...left, error: describeError(failure) };
    return { findings, explain: async (verdict) => verdict };
  }
  checkUnchanged(seal.broken());
  const [ours, theirs] = await Promise.all([engine, reference].map((side) => side.request("config_reads", {})));
  // Of some sites alone nobody can say how far rounding grows: errors at the others are not known.
  const amplification = options.sites
    ? []
    : await checkAmplification({ reference, run, sites: judging.sites, rules: judging.rules });
  const left = withLeftovers(judging.sites, incomplete, impossible);
  const stopped = (options.bail ?? false) && left.sites.some(({ status }) => status === "fail");
  if (!stopped) refuseEmptySelection(options.sites, [...left.sites.map(({ site }) => site), ...left.unexpected]);
  const [culprit] = findCulprits(left.sites);
  const culpritModule = culprit ? responsibleModule(culprit.first.site) : null;
  const findings = {
    ...judging.findings(),
    ...left,
    amplification,
    tensor_audit: listsNothing(own) ? null : { ...auditTensors(own.tensors, model.tensors), values },
    power: readPower(goldenFolder(), testCase.name, caseKey(testCase)),
    config_audit: ours!.reads.length === 0 ? null : auditConfig(ours!.reads, theirs!.reads, culpritModule),
    checksums: { inputs: inputs.sha256, ...(model.weights_sha256 && { weights: model.weights_sha256 }) },
  };
  const { explain = defaultSeconds, progress } = options;
  const setting = {
    ...{ reference, engine, seconds: explain },
    run: { inputs: inputs.path, phases: [...possible] },
    rules: judging.rules,
    ...(progress && { progress: (doing: string) => progress(judging.sites.length, doing) }),
  };
  return { findings, explain: async (verdict) => (explain > 0 ? explainVerdict(setting, verdict) : verdict) };
}

/**
 * True for an engine object that keeps no lists (a process that kept none would fail the conformance suite): nothing to
 * audit.
 */
function listsNothing({ modules, tensors }: Result<"load">): boolean {
  return modules.length === 0 && tensors.length === 0;
}

/**
 * Sites that one side lacks: `unknown` where the engine does not offer them, a failure where only the engine has them.
 */
function withLeftovers(
  judged: readonly SiteVerdict[],
  incomplete: readonly Incomplete[],
  impossible: PossiblePhases["impossible"],
) {
  const sites = [...judged];
  const missing: string[] = [];
  const unexpected: string[] = [];
  for (const { site, phase, order, sides, expected } of incomplete) {
    if (!sides.includes("reference")) unexpected.push(site);
    else {
      const why: Unjudged = sides.includes("engine")
        ? { kind: "out of order" }
        : (impossible.get(phase) ?? { kind: "not offered" });
      sites.push(siteOf({ site, phase, order, expected, run: { status: "unknown", why }, local: null }));
      missing.push(site);
    }
  }
  return { sites, missing, unexpected };
}

import type { Rules } from "../compare/judge.ts";
import { judge } from "../compare/judge.ts";
import { compareLogits } from "../compare/logits.ts";
import { hidePadding } from "../compare/padding.ts";
import type { LogitsAgreement, SiteVerdict, Verdict } from "../compare/verdict.ts";
import type { EngineProcess, Feed, TapStream } from "../engine/process.ts";
import type { Params } from "../engine/protocol.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import { auditConfig, auditTensors } from "./audits.ts";
import type { Case } from "./case.ts";
import type { EnginePool } from "./engines.ts";
import type { InputsFile } from "./inputs-file.ts";
import { writeInputs } from "./inputs-file.ts";
import type { Group, Incomplete } from "./merge.ts";
import { mergeTaps } from "./merge.ts";
import { hasWholePhase, trackConsistency } from "./self-consistency.ts";
import type { Findings, Frame } from "./verdict-builder.ts";
import { buildVerdict, errorVerdict, identify, openFrame } from "./verdict-builder.ts";

/** The limit of every site, model and dtype, in noise units. */
export const defaultLimit = 4;

/** How a case is run. */
export interface RunOptions {
  /** In place of the case's engine. */
  readonly engine?: string;
  readonly dtype?: Params<"load">["dtype"];
  readonly seed?: number;
  readonly limit?: number;
  /** Only sites that match one of these patterns. */
  readonly sites?: readonly string[];
  /** Called with the number of sites judged so far. */
  readonly progress?: (sites: number) => void;
}

/** Runs one case against the live reference. Never throws for what an engine does: a crash becomes a verdict of status `error`. */
export async function runCase(pool: EnginePool, found: Case, options: RunOptions = {}): Promise<Verdict> {
  const { dtype = "float32", seed = 0, limit = defaultLimit } = options;
  const engineName = options.engine ?? found.engine;
  let frame = openFrame(found, { mode: "live", engine: engineName, dtype, seed, limit });
  try {
    const reference = await pool.reference();
    frame = { ...frame, reference: identify(reference.hello) };
    const engine = await pool.get(engineName);
    frame = { ...frame, engine: identify(engine.hello, found.fault?.name) };
    return buildVerdict(frame, await compareLive({ pool, reference, engine, frame, options }));
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

async function compareLive({ pool, reference, engine, frame, options }: Setting): Promise<Findings> {
  const { found, seed, limit } = frame;
  const dtype = frame.dtype as Params<"load">["dtype"];
  const weights = found.checkpoint ? { checkpoint: found.checkpoint } : { config: found.config, seed };
  const model = await pool.load(reference, { ...weights, dtype });
  const { checkpoint } = model;
  const own = await pool.load(engine, { checkpoint, dtype, ...(found.fault && { fault: found.fault }) });
  const inputs = writeInputs(found.inputs(seed));
  const run = {
    inputs: inputs.path,
    phases: found.phases,
    oracle: false,
    ...(options.sites && { sites: [...options.sites] }),
  };
  const judging = judgeGroups(found, inputs, limit, options.progress);
  const local = [reference.replay(run), reference.replay({ ...run, oracle: true })] as const;
  const incomplete = await mergeTaps(
    {
      reference: reference.run(run),
      oracle: reference.run({ ...run, oracle: true }),
      localReference: local[0].stream,
      localOracle: local[1].stream,
      engine: feeding(
        engine,
        run,
        local.map(({ feed }) => feed),
      ),
    },
    judging.complete,
  );
  const [ours, theirs] = await Promise.all([engine, reference].map((side) => side.request("config_reads", {})));
  return {
    ...judging.findings(),
    ...withLeftovers(judging.sites, incomplete),
    tensor_audit: auditTensors(own.tensors, model.tensors),
    config_audit: auditConfig(ours!.reads, theirs!.reads, null),
    checksums: { inputs: inputs.sha256, ...(model.weights_sha256 && { weights: model.weights_sha256 }) },
  };
}

/** The engine's run, each batch also handed to the replaying runs; they learn of its end however it comes. */
async function* feeding(
  engine: EngineProcess,
  run: Parameters<EngineProcess["run"]>[0],
  feeds: readonly Feed[],
): TapStream {
  try {
    return yield* engine.run(run, (batch) => feeds.forEach((feed) => feed.add(batch)));
  } finally {
    for (const feed of feeds) feed.end();
  }
}

/** Judges groups as they are completed. */
function judgeGroups(found: Case, inputs: InputsFile, limit: number, progress?: (sites: number) => void) {
  const sites: SiteVerdict[] = [];
  const logits: LogitsAgreement[] = [];
  const phases = new Map(found.phases.map((phase) => [phase.name, phase]));
  const trackers = (["engine", "reference", "oracle"] as const).map((side) => ({
    side,
    tracker: trackConsistency(side, found.phases, inputs.tokensOf),
  }));
  const relativeNoise = new Map<string, number>();
  const rulesOf = (phase: string, site: string): Rules => {
    const spec = phases.get(phase);
    const tokens = spec && inputs.padded ? { tokens: inputs.tokensOf(spec) } : {};
    return { limit, ...tokens, relativeNoise: relativeNoise.get(site) ?? 0 };
  };

  const complete = ({ site, phase, order, sides }: Group): "go on" => {
    const { engine, reference, oracle, localReference, localOracle } = sides as Required<typeof sides>;
    const rules = rulesOf(phase, site);
    const place = { site, phase, order };
    const whole = judge({ ...place, engine, reference, oracle }, rules);
    const { noise = 0, rms = 0 } = whole.accumulated ?? {};
    if (rms > 0) relativeNoise.set(site, noise / rms);
    const alone = judge(
      { ...place, engine, reference: localReference, oracle: localOracle },
      { ...rules, relativeNoise: 0, structure: true },
    );
    const verdict = combine(whole, alone);
    sites.push(verdict);
    for (const { side, tracker } of trackers) tracker.add({ site, phase, tensor: sides[side]!, noise });
    if (site === "logits" && engine.shape.join() === reference.shape.join()) {
      const values = [engine, reference].map((tensor) => visible(tensor, site, rules));
      logits.push(compareLogits(phase, values[0]!, values[1]!, reference.shape.at(-1)!));
    }
    if (sites.length % 64 === 0) progress?.(sites.length);
    return "go on";
  };

  const findings = () => ({
    logits,
    consistency: hasWholePhase(found.phases) ? trackers.map(({ tracker }) => tracker.result(limit)) : [],
  });
  return { sites, complete, findings };
}

/** Accumulated and local judgement side by side; where both fail, the local one says why. */
function combine(whole: SiteVerdict, alone: SiteVerdict): SiteVerdict {
  const telling = alone.status === "fail" ? alone : whole;
  return {
    ...telling,
    local_status: alone.status,
    ...(whole.accumulated && { accumulated: whole.accumulated }),
    ...(alone.accumulated && { local: alone.accumulated }),
  };
}

function visible(tensor: RawTensor, site: string, { tokens }: Rules) {
  const values = toNumbers(tensor).slice();
  if (tokens) hidePadding(site, tensor.shape, tokens, values);
  return values;
}

/** Sites that one side lacks: `unknown` where the engine does not offer them, a failure where only the engine has them. */
function withLeftovers(judged: readonly SiteVerdict[], incomplete: readonly Incomplete[]) {
  const sites = [...judged];
  const missing: string[] = [];
  const unexpected: string[] = [];
  for (const { site, phase, order, sides } of incomplete) {
    if (!sides.includes("reference")) unexpected.push(site);
    else {
      const reason = sides.includes("engine")
        ? "came too far out of order to be compared"
        : "the engine does not offer this site";
      sites.push({ site, phase, order, status: "unknown", reason });
      missing.push(site);
    }
  }
  return { sites, missing, unexpected };
}

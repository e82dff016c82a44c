/**
 * Engines for tests of the middle: a model is a list of steps over arrays, written down in the test; no process runs,
 * and no Python.
 */
import { float32Tensor, viewBytes } from "../trace/tensor.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { siteFilter } from "../trace/site.ts";
import type { EnginePool } from "./pool.ts";
import type { EngineProcess, TapStream } from "./process.ts";
import type { Method, Params, Result } from "./protocol.ts";
import type { PhaseSpec } from "./specs.ts";

/** A site, and a function from the values of the site before it to its own: [tokens, width] -> [tokens, width]. */
export type Step = readonly [site: string, compute: (x: Float64Array, phase: PhaseSpec) => Float64Array];

/** A model, the engine's own version of it, and what else both say of themselves. */
export interface Script {
  readonly width: number;
  readonly steps: readonly Step[];
  /** Steps that the engine computes otherwise, by site; null for a site that it does not offer. */
  readonly engine?: Readonly<Record<string, Step[1] | null>>;
  /** Answers to other requests, by method, of the reference and of the engine. */
  readonly answers?: Partial<Record<Method, (side: "reference" | "engine") => unknown>>;
  readonly capabilities?: Partial<Result<"hello">["capabilities"]>;
  /** The reference's answer to `explain`; without one it offers none. */
  readonly explain?: EngineProcess["explain"];
  /** The version that both sides say they are of. */
  readonly version?: string;
  /** The engine throws after this site. */
  readonly dies?: string;
}

/** A pool with the scripted reference and one engine, whatever its name. */
export function scriptedPool(script: Script): EnginePool {
  const [reference, engine] = [side(script, "reference"), side(script, "engine")];
  return {
    get: () => Promise.resolve(engine),
    reference: () => Promise.resolve(reference),
    attach: () => "engine",
    load: (process, params) => process.request("load", params),
    stop: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function side(script: Script, name: "reference" | "engine"): EngineProcess {
  const capabilities = {
    ...{ dtypes: ["float32" as const], shapes: true, cache: true, fork: true, build: true, oracle: true },
    ...{ replay: true, explain: script.explain !== undefined, text: false, tensors: false, ...script.capabilities },
  };
  const answers: Script["answers"] = {
    load: () => ({ checkpoint: "", modules: [], tensors: [] }),
    config_reads: () => ({ reads: [] }),
    ...script.answers,
  };
  const stream = async function* (
    phases: readonly PhaseSpec[],
    how: How & { readonly sites: readonly string[] | undefined },
  ): TapStream {
    const wanted = siteFilter(how.sites);
    for (const phase of phases)
      for (const tap of runSteps(script, name, phase, how)) {
        if (wanted(tap.site)) yield { phase: phase.name, taps: [tap] };
        if (name === "engine" && tap.site === script.dies) throw new Error(`died after ${tap.site}`);
      }
    return { run: "0", batches: 0, taps: 0 };
  };
  return {
    hello: { protocol: 1, name, version: script.version ?? "1", versions: {}, capabilities },
    spool: "",
    pid: 0,
    alive: () => true,
    request: (async (method: Method) => {
      const answer = answers[method];
      if (!answer) throw new Error(`no answer to ${method} is written down`);
      return Promise.resolve(answer(name));
    }) as EngineProcess["request"],
    run: ({ phases, oracle, sites, perturb }) =>
      stream(phases as PhaseSpec[], { oracle, replay: false, sites, ...(perturb && { perturb }) }),
    replay: ({ phases, oracle, sites }) => ({
      feed: { add: () => undefined, end: () => undefined },
      stream: stream(phases as PhaseSpec[], { oracle, replay: true, sites }),
    }),
    explain: script.explain ?? (() => Promise.reject(new Error("no explanation is written down"))),
    sendLine: () => undefined,
    close: () => Promise.resolve(),
  };
}

interface How {
  readonly oracle: boolean;
  readonly replay: boolean;
  readonly perturb?: NonNullable<Params<"run">["perturb"]>;
}

/** The taps of one phase; a replay applies each of the reference's steps to what the engine had before it. */
function* runSteps(
  { width, steps, engine = {} }: Script,
  name: "reference" | "engine",
  phase: PhaseSpec,
  { oracle, replay, perturb }: How,
): Generator<{ site: string; tensor: RawTensor }> {
  const count = phase.end - phase.start;
  const shape = [1, count, width];
  const input = Float64Array.from({ length: count * width }, (_, index) => Math.sin(phase.start * width + index + 1));
  let [own, engines]: [Float64Array, Float64Array] = [input, input];
  for (const [step, [site, compute]] of steps.entries()) {
    const enginesStep = engine[site] ?? compute;
    const exact = name === "engine" ? enginesStep(engines, phase) : compute(replay ? engines : own, phase);
    const relative = perturb?.noise.find((one) => one.site === site && one.phase === phase.name)?.relative ?? 0;
    const disturbed = exact.map(
      (one, index) => one * (1 + relative * swing((perturb?.seed ?? 0) * 997 + step * 131 + index)),
    );
    const value = oracle ? exact : Float64Array.from(disturbed, Math.fround);
    engines = Float64Array.from(enginesStep(engines, phase), Math.fround);
    own = value;
    if (name === "engine" && engine[site] === null) continue;
    const tensor = oracle
      ? { dtype: "F64" as const, shape, bytes: viewBytes(exact) }
      : float32Tensor(Float32Array.from(value), shape);
    yield { site, tensor };
  }
}

/** A number between -1.4 and 1.4 with an rms of 1, scattered over `key`. */
function swing(key: number): number {
  return Math.SQRT2 * Math.sin(key * key * 12.9898);
}

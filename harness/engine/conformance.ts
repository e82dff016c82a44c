import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { bitEqual } from "../compare/distance.ts";
import { EngineFailure } from "../trace/errors.ts";
import { parseSite, tapKey } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { EngineProcess } from "./process.ts";
import { credits, startEngine } from "./process.ts";
import type { PhaseSpec } from "./specs.ts";
import { openSpoolFile } from "./spool.ts";

/** One rule of the protocol and whether the engine keeps it. */
export interface CheckResult {
  readonly name: string;
  readonly outcome: "pass" | "fail" | "skip";
  readonly note?: string;
}

/** The model that the conformance suite runs the engine on: a checkpoint that it can load, and inputs for it. */
export interface ConformanceModel {
  readonly checkpoint: string;
  readonly config: Record<string, unknown>;
  readonly inputs: string;
  /** Tokens in the inputs, at least 4. */
  readonly length: number;
}

class Skip extends Error {}

type Check = (engine: EngineProcess, model: ConformanceModel) => Promise<string | void>;

/** Each check sees a running engine in the state that the ones before left it in. */
const checks: Readonly<Record<string, Check>> = {
  "hello names engine and version": async ({ hello }) => `${hello.name} ${hello.version}`,
  "an unknown method is refused with -32601": (engine) =>
    refused(engine.request("no_such_method" as "unload", {}), "(-32601)"),
  "bad parameters are refused with -32602": (engine) =>
    refused(engine.request("load", { dtype: "int4" } as never), "(-32602)"),
  "a line that is not JSON does not end the engine": async (engine) => {
    engine.sendLine("this is not JSON");
    await engine.request("unload", {});
  },
  "a checkpoint that does not exist is a clear error": (engine) =>
    refused(engine.request("load", { checkpoint: "/no/such/checkpoint", dtype: "float32" }), "/no/such/checkpoint"),
  "load lists modules and tensors": async (engine, { checkpoint }) => {
    const { modules, tensors } = await engine.request("load", { checkpoint, dtype: "float32" });
    expect(
      modules.length > 0 && tensors.length > 0,
      "at least one module and one tensor",
      `${modules.length}, ${tensors.length}`,
    );
    return `${modules.length} modules, ${tensors.length} tensors`;
  },
  "the checksums of loaded tensors are those of their values": async (engine, { checkpoint }) => {
    if (!engine.hello.capabilities.tensors) throw new Skip("the engine gives no tensors");
    const { tensors } = await engine.request("load", { checkpoint, dtype: "float32" });
    const names = tensors.slice(0, 3).map(({ name }) => name);
    const { checksums, file } = await engine.request("tensors", { names, values: true });
    expect(file !== null, "a file with their values", "none");
    using opened = openSpoolFile(engine.spool, file!, engine.hello.name);
    const values = opened.take();
    for (const { name, dtype, sha256 } of checksums) {
      const { dtype: own, bytes } = values.get(name) ?? { dtype: "none", bytes: new Uint8Array() };
      const sum = createHash("sha256").update(bytes).digest("hex");
      expect(own === dtype && sum === sha256, `${name}: ${dtype} ${sha256}`, `${own} ${sum}`);
    }
    return `${checksums.length} of ${names.length} asked for`;
  },
  "inputs outside the spool and cache directories are refused": (engine) =>
    refused(
      collect(engine, { inputs: "/etc/hostname", phases: [{ name: "prefill", start: 0, end: 1, cache: false }] }),
      "",
    ),
  "run sends well-formed sites and logits": async (engine, model) => {
    const taps = await collect(engine, whole(model));
    for (const key of taps.keys()) {
      const { port, functional, module } = parseSite(key.slice(key.indexOf("|") + 1));
      const known =
        port !== null || functional !== null || module === "logits" || /^cache\.\d+\.\w+(\.\d+)?$/.test(module);
      expect(known, "sites as docs/protocol.md names them", key);
    }
    const logits = taps.get(tapKey("full", "logits"));
    expect(
      logits?.shape.length === 3 && logits.shape[1] === model.length,
      `logits [B, ${model.length}, vocabulary]`,
      `${logits?.shape}`,
    );
    return `${taps.size} sites`;
  },
  "the same run gives the same bits": async (engine, model) => {
    const [a, b] = [await collect(engine, whole(model)), await collect(engine, whole(model))];
    for (const [key, tensor] of a) expectSame(tensor, b.get(key), key);
  },
  "a site filter changes what is sent, not the numbers": async (engine, model) => {
    const all = await collect(engine, whole(model));
    const some = await collect(engine, { ...whole(model), sites: ["logits"] });
    expect([...some.keys()].join() === tapKey("full", "logits"), "logits alone", [...some.keys()].slice(0, 4).join());
    expectSame(all.get(tapKey("full", "logits"))!, some.get(tapKey("full", "logits")), "logits");
  },
  "the engine waits for credits": async (engine, model) => {
    const stream = engine.run({ ...whole(model), oracle: false });
    await stream.next();
    await delay(400);
    const unread = readdirSync(engine.spool).length;
    await stream.return(undefined as never);
    expect(unread <= credits, `at most ${credits} unread batches`, `${unread}`);
  },
  "a cancelled run ends, and the next one works": async (engine, model) => {
    const stream = engine.run({ ...whole(model), oracle: false });
    await stream.next();
    await stream.return(undefined as never);
    expect((await collect(engine, whole(model))).size > 0, "taps after a cancelled run", "none");
  },
  "phases continue one cache": async (engine, model) => {
    if (!engine.hello.capabilities.cache) throw new Skip("the engine keeps no cache");
    const cut = Math.floor(model.length / 2);
    const phases: PhaseSpec[] = [
      { name: "prefill", start: 0, end: cut, cache: true },
      { name: "decode:1", start: cut, end: cut + 1, cache: true },
    ];
    const taps = await collect(engine, { inputs: model.inputs, phases });
    const shape = taps.get(tapKey("decode:1", "logits"))?.shape;
    expect(shape?.[1] === 1, "logits of one token in a decode step", `${shape}`);
  },
  "a phase with `from` goes back to the cache as it was": async (engine, model) => {
    if (!engine.hello.capabilities.fork) throw new Skip("the engine can't go back");
    const cut = Math.floor(model.length / 2);
    const step = { start: cut, end: cut + 1, cache: true };
    const phases: PhaseSpec[] = [
      { name: "prefill", start: 0, end: cut, cache: true },
      { name: "decode:1", ...step },
      { name: "decode:2", start: cut + 1, end: cut + 2, cache: true },
      { name: "reuse:1", ...step, from: "prefill" },
    ];
    const taps = await collect(engine, { inputs: model.inputs, phases });
    for (const site of ["inputs#position_ids", "logits"]) {
      const again = taps.get(tapKey("reuse:1", site));
      const first = taps.get(tapKey("decode:1", site));
      if (first) expectSame(first, again, `${site}, the same step from the same cache`);
    }
  },
  "shapes come from a config alone": async (engine, { config, inputs }) => {
    if (!engine.hello.capabilities.shapes) throw new Skip("the engine lists no shapes");
    const { sites, stop } = await engine.request("shapes", { config, inputs });
    expect(stop === undefined && sites.length > 0, "all sites", stop?.message ?? "none");
    return `${sites.length} sites`;
  },
  "shutdown ends the process": async (engine) => {
    await engine.request("shutdown", {});
    for (let waited = 0; engine.alive() && waited < 3000; waited += 50) await delay(50);
    expect(!engine.alive(), "an ended process within 3 s", "a running one");
  },
};

/** Runs the suite against a command; never throws for what the engine does. */
export async function checkConformance(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  model: ConformanceModel,
): Promise<CheckResult[]> {
  const started = { command, environment, patience: { hello: 60_000, request: 60_000 } };
  let engine: EngineProcess;
  try {
    engine = await startEngine(started);
  } catch (error) {
    return Object.keys(checks).map((name) => ({ name, outcome: "fail", note: (error as Error).message }));
  }
  const results: CheckResult[] = [];
  try {
    for (const [name, check] of Object.entries(checks)) {
      results.push(await runCheck(name, () => check(engine, model)));
      if (engine.alive() || results.length === Object.keys(checks).length) continue;
      await engine.close(); // it broke a rule for which it was ended: the others are tried with a new one
      engine = await startEngine(started);
    }
  } catch (error) {
    const note = (error as Error).message;
    for (const name of Object.keys(checks).slice(results.length)) results.push({ name, outcome: "fail", note });
  } finally {
    await engine.close();
  }
  return results;
}

async function runCheck(name: string, check: () => Promise<string | void>): Promise<CheckResult> {
  try {
    const note = await check();
    return { name, outcome: "pass", ...(note && { note }) };
  } catch (error) {
    return { name, outcome: error instanceof Skip ? "skip" : "fail", note: (error as Error).message };
  }
}

function whole({ inputs, length }: ConformanceModel): { inputs: string; phases: PhaseSpec[] } {
  return { inputs, phases: [{ name: "full", start: 0, end: length, cache: false }] };
}

async function collect(
  engine: EngineProcess,
  run: { inputs: string; phases: PhaseSpec[]; sites?: string[] },
): Promise<Map<string, RawTensor>> {
  const taps = new Map<string, RawTensor>();
  for await (const batch of engine.run({ ...run, oracle: false }))
    for (const { site, tensor } of batch.taps) {
      expect(!taps.has(tapKey(batch.phase, site)), "each site once a phase", `${site} twice in ${batch.phase}`);
      taps.set(tapKey(batch.phase, site), tensor);
    }
  return taps;
}

async function refused(promise: Promise<unknown>, text: string): Promise<void> {
  try {
    await promise;
  } catch (error) {
    const { message } = error as Error;
    expect(error instanceof EngineFailure && message.includes(text), `an error with ${text || "a reason"}`, message);
    return;
  }
  throw new Error("expected an error, found a result");
}

function expect(condition: boolean, expected: string, found: string): void {
  if (!condition) throw new Error(`expected ${expected}, found ${found}`);
}

function expectSame(a: RawTensor, b: RawTensor | undefined, where: string): void {
  expect(
    b !== undefined && a.shape.join() === b.shape.join() && bitEqual(toNumbers(a), toNumbers(b)),
    `the same bits at ${where}`,
    "others",
  );
}

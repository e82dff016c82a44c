import { join } from "node:path";
import type { EngineObject } from "./in-process.ts";
import { startInProcess } from "./in-process.ts";
import type { EngineChoice, EngineManifest } from "./registry.ts";
import { chooseEngine, referenceEngine, runnable } from "./registry.ts";
import type { EngineProcess, Patience } from "./process.ts";
import { startEngine } from "./process.ts";
import type { Params, Result } from "./protocol.ts";
import { plainLine } from "../trace/harmless.ts";
import { watchWeights } from "./weights.ts";
import { ensureEnvironment } from "../setup/python.ts";

/** Engines kept warm for a whole run: one process per engine, one loaded model each. */
export interface EnginePool {
  /** The running engine that `--engine` text names; started on first use and again after it died. */
  get(name: string): Promise<EngineProcess>;
  /** The reference engine. */
  reference(): Promise<EngineProcess>;
  /** Makes an object an engine of this pool; returns the name that `get` knows it by, the same for the same object. */
  attach(engine: EngineObject): string;
  /** Loads a model, unless exactly it is loaded already. */
  load(engine: EngineProcess, params: Params<"load">): Promise<Result<"load">>;
  /** Ends the engine that `get(name)` started; the others stay warm. */
  stop(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Options of a pool. */
export interface PoolOptions {
  /** Called with a line for each set-up step. */
  readonly report: (line: string) => void;
  readonly patience?: Partial<Patience>;
  /** Interpreter of the reference, in place of its own environment's: another version of transformers. */
  readonly referencePython?: string;
}

/** Makes an empty pool. */
export function createPool({ report, patience, referencePython }: PoolOptions): EnginePool {
  const running = new Map<string, Promise<EngineProcess>>();
  const objects = new Map<EngineObject, string>();
  const loaded = new WeakMap<EngineProcess, { key: string; stamp: string; result: Result<"load"> }>();
  const weights = watchWeights();

  const launch = async (choice: EngineChoice, as: "engine" | "reference"): Promise<EngineProcess> => {
    const interpreter = as === "reference" ? referencePython : undefined;
    const { command, environment } = await resolveCommand(choice, report, interpreter);
    return startEngine({ command, environment, reference: as === "reference", ...(patience && { patience }) });
  };
  /** Each request waits for the one before it: two that ask at once get one process. */
  const start = (key: string, begin: () => Promise<EngineProcess>): Promise<EngineProcess> => {
    const previous = running.get(key);
    const next = (async () => {
      const warm = await previous?.catch(() => undefined);
      if (warm?.alive()) return warm;
      await warm?.close();
      return begin();
    })();
    running.set(key, next);
    return next;
  };

  return {
    get: async (name) => {
      const attached = [...objects].find(([, known]) => known === name)?.[0];
      if (attached) return start(name, async () => startInProcess(attached));
      const choice = chooseEngine(name);
      return start(name, () => launch(choice, "engine"));
    },
    attach(engine) {
      const base = `object:${engine.name ?? "engine"}`;
      const taken = new Set(objects.values());
      let name = objects.get(engine) ?? base;
      for (let count = 2; !objects.has(engine) && taken.has(name); count++) name = `${base}:${count}`;
      objects.set(engine, name);
      return name;
    },
    reference: async () => {
      const manifest = referenceEngine();
      return start(`reference:${manifest.name}`, () =>
        launch({ kind: "manifest", manifest, argument: null }, "reference"),
      );
    },
    async load(engine, params) {
      const key = JSON.stringify(params);
      const known = loaded.get(engine);
      // A checkpoint that was changed since is loaded again: what draws it checks it.
      if (known?.key === key && known.stamp === weights.stamp(known.result.checkpoint)) return known.result;
      loaded.delete(engine);
      const result = await engine.request("load", params);
      if (result.redrawn !== undefined)
        report(`cache  ${result.checkpoint} was not as it was drawn: ${plainLine(result.redrawn)}; it was drawn again`);
      const checkpoint = params.checkpoint ?? result.checkpoint;
      weights.loaded(engine, { ...result, checkpoint });
      loaded.set(engine, { key, stamp: weights.stamp(checkpoint), result: { ...result, checkpoint } });
      return result;
    },
    async stop(name) {
      const engine = running.get(name);
      running.delete(name);
      await (await engine?.catch(() => undefined))?.close();
    },
    async close() {
      await Promise.allSettled([...running.values()].map(async (engine) => (await engine).close()));
      running.clear();
    },
  };
}

/**
 * The command line and environment that start an engine; makes its Python environment when it needs one and is given no
 * `interpreter`.
 */
export async function resolveCommand(
  choice: EngineChoice,
  report: (line: string) => void,
  interpreter?: string,
): Promise<{ command: string[]; environment: Record<string, string> }> {
  if (choice.kind === "command") return { command: [...choice.command], environment: {} };
  const { manifest, argument } = choice;
  const needsPython = manifest.requirements.length > 0;
  const python =
    interpreter ?? (needsPython ? (await ensureEnvironment(requirementFiles(manifest), report)).python : "");
  const replace = (text: string): string =>
    text
      .replaceAll("{folder}", manifest.folder)
      .replaceAll("{node}", process.execPath)
      .replaceAll("{python}", python)
      .replaceAll("{argument}", argument ?? "");
  const environment = Object.entries(manifest.environment).map(([name, value]) => [name, replace(value)] as const);
  return {
    command: manifest.command.map((word) => runnable(replace(word))),
    environment: Object.fromEntries(environment),
  };
}

/** The requirement files of an engine, as absolute paths. */
export function requirementFiles(manifest: EngineManifest): string[] {
  return manifest.requirements.map((file) => join(manifest.folder, file));
}

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { UsageError } from "../trace/errors.ts";
import { readUserJson } from "../trace/user-file.ts";

/**
 * `engines/<name>/engine.json`: how an engine is started. In `command` and `environment`, `{folder}` is the engine's
 * folder, `{node}` and `{python}` the interpreters, `{argument}` what follows the engine's name and a colon
 * (`torch:file.py:factory`).
 */
const manifest = z.strictObject({
  name: z.string(),
  title: z.string(),
  command: z.array(z.string()).min(1),
  environment: z.record(z.string(), z.string()).default({}),
  /** Requirement files of the Python environment that it runs in, relative to the folder. */
  requirements: z.array(z.string()).default([]),
  /** The name of the argument that must follow `name:`; absent for an engine that takes none. */
  argument: z.string().optional(),
  /** True for the engine that the others are compared with. */
  reference: z.boolean().default(false),
  /** The folder of its known porting bugs, relative to its own: modules that `load` and `shapes` take as `fault`. */
  faults: z.string().optional(),
  /** The module that writes the skeleton of an architecture for it (`lockstep new`), relative to its folder. */
  scaffold: z.string().optional(),
});

export type EngineManifest = z.infer<typeof manifest> & { readonly folder: string };

/** An engine as the user named it: a manifest with an argument, or any command. */
export type EngineChoice =
  | { readonly kind: "manifest"; readonly manifest: EngineManifest; readonly argument: string | null }
  | { readonly kind: "command"; readonly command: readonly string[] };

/** The root of this package: the folder of its package.json. */
export const packageRoot: string = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

/**
 * The folder that this code was loaded from: the package's root in a clone, its `dist` once published, where sources
 * are `.js`.
 */
export const codeRoot: string = fileURLToPath(import.meta.url).startsWith(join(packageRoot, "dist"))
  ? join(packageRoot, "dist")
  : packageRoot;

/**
 * The file that a source of this package runs as: itself in a clone, its build once published. Other paths stay as they
 * are.
 */
export function runnable(path: string): string {
  if (codeRoot === packageRoot || !path.endsWith(".ts") || !path.startsWith(packageRoot)) return path;
  return join(codeRoot, path.slice(packageRoot.length)).replace(/\.ts$/, ".js");
}

/** The folder that a folder of this package runs from: itself in a clone, its build once published. */
export function runnableFolder(folder: string): string {
  return codeRoot === packageRoot || !folder.startsWith(packageRoot)
    ? folder
    : join(codeRoot, folder.slice(packageRoot.length));
}

function findPackageRoot(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : findPackageRoot(dirname(folder));
}

function readManifest(file: string): z.infer<typeof manifest> {
  const parsed = manifest.safeParse(readUserJson(file, "what docs/new-engine.md says of an engine.json"));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`${file}: ${issue!.path.join(".") || "it"}: ${issue!.message}`);
}

/** All engines of this package, by name. @throws UsageError when a manifest is not valid. */
export function listEngines(folder = join(packageRoot, "engines")): EngineManifest[] {
  return readdirSync(folder)
    .map((name) => join(folder, name, "engine.json"))
    .filter((file) => existsSync(file))
    .map((file) => ({ ...readManifest(file), folder: dirname(file) }))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

/** The engine that the others are compared with. */
export function referenceEngine(): EngineManifest {
  const match = listEngines().find((engine) => engine.reference);
  if (!match) throw new UsageError("no engine.json under engines/ has reference: true");
  return match;
}

/**
 * Reads `--engine`: `typescript`, `torch:path/to/file.py:factory`, or `cmd:` and a command line.
 * @throws UsageError that lists the known names.
 */
export function chooseEngine(text: string): EngineChoice {
  if (text.startsWith("cmd:")) return { kind: "command", command: text.slice(4).trim().split(/\s+/) };
  const [name = "", ...rest] = text.split(":");
  const engines = listEngines();
  const match = engines.find((engine) => engine.name === name);
  const known = engines
    .map((engine) => (engine.argument ? `${engine.name}:${engine.argument}` : engine.name))
    .join(", ");
  if (!match)
    throw new UsageError(`unknown engine ${JSON.stringify(text)}: expected one of ${known}, or cmd:<command>`);
  const argument = rest.length > 0 ? rest.join(":") : null;
  if (match.argument && !argument) throw new UsageError(`engine ${name} needs an argument: ${name}:${match.argument}`);
  if (!match.argument && argument)
    throw new UsageError(`engine ${name} takes no argument, found ${JSON.stringify(argument)}`);
  return { kind: "manifest", manifest: match, argument: argument === null ? null : absolute(argument) };
}

function absolute(argument: string): string {
  const [path = "", ...rest] = argument.split(":");
  return [resolve(path), ...rest].join(":");
}

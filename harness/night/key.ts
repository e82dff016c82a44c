/** The content address of a result: a hash over everything that it depends on. */
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { Result } from "../engine/protocol.ts";
import type { EngineChoice } from "../engine/registry.ts";
import { codeRoot, packageRoot, referenceEngine } from "../engine/registry.ts";
import { hashConfig } from "../case/config-hash.ts";
import { generatorVersion } from "../trace/draw.ts";
import type { Case } from "../case/case.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { kindOf } from "../golden/kinds.ts";

/** The versions that a side states, and a hash of its sources. */
export type Identity = Readonly<Record<string, string>>;

/** Everything that a result depends on. */
export interface KeyParts {
  readonly testCase: Case;
  readonly dtype: string;
  readonly seed: number;
  readonly limit: number;
  /** Seconds to search for a cause: another budget, another answer. */
  readonly explain: number;
  readonly engine: Identity;
  readonly reference: Identity;
  readonly harness: string;
}

/** The key of a result: 24 hexadecimal digits. */
export function resultKey({ testCase, dtype, seed, limit, explain, engine, reference, harness }: KeyParts): string {
  const seeds = kindOf(testCase).inputSeeds(seed);
  const { name, kind, config, phases, expect, checkpoint, fault } = testCase;
  return hashConfig({
    case: { name, kind, config, phases, expect },
    inputs: seeds.map((value) => writeInputs(testCase.inputs(value)).sha256),
    weights: checkpoint === undefined ? generatorVersion : hashFolder(checkpoint, "**/*"),
    fault:
      fault === undefined
        ? null
        : { name: fault.name, module: hashFolder(dirname(fault.module), basename(fault.module)) },
    ...{ engine, reference, dtype, seed, limit, explain, harness },
  }).slice(0, 24);
}

/** The identity of an engine in keys and records: its name and versions as in its verdicts, and its sources. */
export function identityOf({ name, version, versions }: Result<"hello">, sources: string): Identity {
  return { ...versions, [name]: version, sources };
}

/** What an engine says that it depends on. */
export type Depends = Result<"hello">["depends"];

/**
 * True where all that a result of an engine depends on is known, so that it may stand for another run: of an engine of
 * this installation its folder; of a command or a factory what `hello` declares, if that is anything and there.
 */
export function isKnown(choice: EngineChoice, depends: Depends): boolean {
  if (choice.kind === "manifest" && choice.argument === null) return true;
  const { files = [], packages = {} } = depends ?? {};
  return files.length + Object.keys(packages).length > 0 && files.every((file) => existsSync(file));
}

/** A hash over what an engine declares: names and contents of files, in folders those of all files, and packages. */
function declared({ files, packages }: NonNullable<Depends>): string {
  const hashes = files.map((file) =>
    isFile(file) ? hashFiles([file], dirname(file)) : existsSync(file) ? hashFolder(file, "**/*") : "none",
  );
  return hashConfig([files, hashes, packages]);
}

const sourceFiles = "**/*.{ts,js,mjs,py,wasm,json,toml,txt}";

/**
 * The sources of an engine as `--engine` names it: its folder, the factory and its file, the words of a command line
 * and the files that they name; and what it declares.
 */
export function engineSources(choice: EngineChoice, depends?: Depends): string {
  const more = depends === undefined ? [] : [declared(depends)];
  if (choice.kind === "command") {
    const words = choice.command.map((word) => (isFile(word) ? hashFiles([word], dirname(word)) : word));
    return hashConfig([...words, ...more]).slice(0, 12);
  }
  const { manifest, argument } = choice;
  const folders = [manifest.folder, join(codeRoot, relative(packageRoot, manifest.folder))];
  // The reference's package also answers for PyTorch engines.
  if (manifest.requirements.length > 0) folders.push(referenceEngine().folder);
  const file = argument?.slice(0, argument.lastIndexOf(":")) ?? "";
  const own = isFile(file) ? [basename(argument!), hashFiles(siblings(file), dirname(file))] : [];
  const hashes = [...new Set(folders)].map((folder) => hashFolder(folder, sourceFiles));
  return hashConfig([manifest.name, ...hashes, ...own, ...more]).slice(0, 12);
}

/** A factory may import what lies beside it. */
function siblings(file: string): string[] {
  return globSync("*.py", { cwd: dirname(file) }).map((name) => join(dirname(file), name));
}

/** The sources of the reference. */
export function referenceSources(): string {
  return engineSources({ kind: "manifest", manifest: referenceEngine(), argument: null });
}

/** Rooms of the harness whose sources decide a verdict. */
const deciding = "{trace,verdict,compare,explain,engine,case,run,golden}/**/*.{ts,js,json}";

/** Version of lockstep and a hash of the sources that decide a verdict: `0.1.0+5f2c...`. */
export function harnessIdentity(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };
  return `${version}+${hashFolder(join(codeRoot, "harness"), deciding).slice(0, 12)}`;
}

function hashFolder(folder: string, pattern: string): string {
  return hashFiles(
    globSync(pattern, { cwd: folder, exclude: ["**/node_modules/**", "**/__pycache__/**", "**/tests/**"] })
      .filter((name) => !/\.test\.[tj]s$|\.d\.ts$/.test(name))
      .map((name) => join(folder, name))
      .filter(isFile),
    folder,
  );
}

/** A hash over the names, relative to `root`, and the contents of files; 12 hexadecimal digits. */
export function hashFiles(files: readonly string[], root: string): string {
  const hash = createHash("sha256");
  for (const file of files.toSorted()) {
    const name = relative(root, resolve(file)).split(sep).join("/");
    hash.update(`${name}\0${createHash("sha256").update(readFileSync(file)).digest("hex")}\0`);
  }
  return hash.digest("hex").slice(0, 12);
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/** `lockstep run --watch`: what a changed file touches is run again, engines that did not change stay warm. */
import type { FSWatcher } from "node:fs";
import { existsSync, statSync, watch } from "node:fs";
import { registerHooks } from "node:module";
import { dirname, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { Case } from "../case/case.ts";
import { caseKey } from "../case/key.ts";
import type { EnginePool } from "../engine/pool.ts";
import { createPool } from "../engine/pool.ts";
import { chooseEngine } from "../engine/registry.ts";
import { UsageError } from "../trace/errors.ts";
import { renderSummary, renderVerdict } from "../report/terminal.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { JudgeOne } from "./judge-all.ts";
import { onceInterrupted } from "./interrupt.ts";
import { say, status } from "./output.ts";

/** The cases of a run that is watched, and how they are judged. */
export interface Watched {
  /** The selected cases, read anew from their files. */
  readonly choose: () => Promise<readonly Case[]>;
  readonly prepare: (pool: EnginePool) => Promise<JudgeOne> | JudgeOne;
  /** The engine that takes the place of the cases' own. */
  readonly engine: string | undefined;
}

/** Files that come together are one change: editors write several. */
const settleMilliseconds = 200;

/** Runs the cases, then runs again what a change of a case file or of an engine's files touches, until it is interrupted. */
export async function watchCases({ choose, prepare, engine }: Watched): Promise<void> {
  const pool = createPool({ report: say });
  const modules = reloadingModules();
  const nameOf = (one: Case): string => engine ?? one.engine;
  const runAll = async (touched: readonly Case[]): Promise<void> => {
    const began = Date.now();
    const verdicts: Verdict[] = [];
    const judge = await prepare(pool);
    for (const one of touched) {
      status(one.name);
      verdicts.push(await judge(one, (sites, doing = "") => status(`${one.name}  ${sites} sites  ${doing}`)));
      say(renderVerdict(verdicts.at(-1)!));
    }
    say(renderSummary(verdicts, (Date.now() - began) / 1000));
  };
  try {
    let known = await choose();
    const cases = [...new Set(known.flatMap(({ file }) => (file === undefined ? [] : [dirname(file)])))];
    await runAll(known);
    for (;;) {
      const folders = new Map(
        [...new Set(known.map(nameOf))].flatMap((name) => sourcesOf(name).map((folder) => [folder, name] as const)),
      );
      say(`watch  ${[...cases, ...folders.keys()].join(", ")}`);
      const changed = await nextChange([...cases, ...folders.keys()]);
      if (changed === null) return;
      say(`change ${changed.join(", ")}`);
      const engines = new Set(
        [...folders].flatMap(([folder, name]) => (changed.some((file) => isIn(file, folder)) ? [name] : [])),
      );
      for (const name of engines) await pool.stop(name);
      modules.reload(cases);
      try {
        const before = new Map(known.map((one) => [one.name, keyOf(one)]));
        known = await choose();
        const touched = known.filter(
          (one) => engines.has(nameOf(one)) || changed.includes(one.file ?? "") || before.get(one.name) !== keyOf(one),
        );
        if (touched.length === 0) say("no case is touched by it");
        else await runAll(touched);
      } catch (error) {
        // A file that is half written: the next change tries again.
        if (!(error instanceof UsageError) && !(error instanceof SyntaxError) && !(error instanceof TypeError))
          throw error;
        say(`lockstep: ${error.message}`);
      }
    }
  } finally {
    status(null);
    await pool.close();
  }
}

/**
 * A key over everything that a case's verdict depends on beside its engine. The key of a case of shapes holds the two
 * lengths in place of a seed.
 */
function keyOf(one: Case): string {
  return `${one.kind} ${JSON.stringify(one.expect)} ${caseKey(one)}`;
}

/**
 * The folders and files that an engine's work follows from: its own folder, a factory's file, the files that a command
 * line names.
 */
function sourcesOf(engine: string): string[] {
  const choice = chooseEngine(engine);
  const isFile = (word: string): boolean => existsSync(word) && statSync(word).isFile();
  if (choice.kind === "command") return choice.command.filter(isFile).map((word) => dirname(resolve(word)));
  const file = choice.argument?.slice(0, choice.argument.lastIndexOf(":")) ?? "";
  return isFile(file) ? [choice.manifest.folder, dirname(resolve(file))] : [choice.manifest.folder];
}

function isIn(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}${sep}`);
}

/** The files that change next below the folders, once they have settled; null when the wait is interrupted. */
function nextChange(folders: readonly string[]): Promise<string[] | null> {
  return new Promise((finish) => {
    const changed = new Set<string>();
    const watchers: FSWatcher[] = [];
    let timer: NodeJS.Timeout | undefined;
    const end = (files: string[] | null): void => {
      clearTimeout(timer);
      interrupt[Symbol.dispose]();
      for (const watcher of watchers) watcher.close();
      finish(files);
    };
    const interrupt = onceInterrupted(() => end(null));
    for (const folder of new Set(folders))
      watchers.push(
        watch(folder, { recursive: true }, (_, name) => {
          if (name === null || /(^|[\\/])(\.|__pycache__|node_modules)|~$|\.tmp$/.test(name)) return;
          changed.add(resolve(folder, name));
          clearTimeout(timer);
          timer = setTimeout(() => end([...changed]), settleMilliseconds);
        }),
      );
  });
}

/**
 * Makes imports of files below some folders fresh: after each call of `reload` they are read again, and what they
 * import there too.
 */
function reloadingModules() {
  let [round, below]: [number, readonly string[]] = [0, []];
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const isBelow = below.some((folder) => resolved.url.startsWith(folder));
      return isBelow ? { ...resolved, url: `${resolved.url.split("?")[0]}?round=${round}` } : resolved;
    },
  });
  return {
    reload: (folders: readonly string[]): void => {
      round += 1;
      below = folders.map((folder) => `${pathToFileURL(resolve(folder)).href}/`);
    },
  };
}

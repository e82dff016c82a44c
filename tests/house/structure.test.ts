/** The house rules as a test: who may import whom (CONTRIBUTING.md), and no circles. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";

/** The rooms from the lowest up: a file imports from its own room, and from rooms of lower floors. */
const floors: readonly (readonly string[])[] = [
  ["harness/trace"],
  ["harness/verdict"],
  ["harness/compare"],
  ["harness/explain", "harness/setup"],
  ["harness/engine"],
  ["harness/case"],
  ["harness/golden/format", "harness/report"],
  ["harness/run"],
  ["harness/golden"],
  ["harness/selftest"],
  ["harness/night", "harness/minimise", "harness/repro"],
  ["harness/cli", "harness/vitest", "harness/bench"],
];

/** Rooms outside the harness, and what they may import beside their own. */
const outside: Readonly<Record<string, readonly string[]>> = {
  "engines/typescript/bench": ["harness", "engines/typescript", "cases", "tests"],
  "engines/typescript": ["harness/trace", "harness/engine"],
  cases: ["harness/trace", "harness/engine", "harness/case"],
  tests: ["harness", "engines/typescript", "cases"],
};

const rooms = [...floors.flat(), ...Object.keys(outside)].toSorted((a, b) => b.length - a.length);

const files = globSync("{harness,engines,cases,tests}/**/*.{ts,tsx}", { cwd: packageRoot })
  .filter((file) => !/\.test\.tsx?$/.test(file) && !file.includes("node_modules"))
  .filter((file) => roomOf(file) !== null);

function roomOf(file: string): string | null {
  return rooms.find((room) => file === room || file.startsWith(`${room}/`)) ?? null;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(packageRoot, file), "utf8");
  return [...text.matchAll(/(?:^|\n)\s*(?:import|export)[^;]*?from\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/g)]
    .map((match) => match[1] ?? match[2]!)
    .map((target) => relative(packageRoot, resolve(packageRoot, dirname(file), target)));
}

function mayImport(room: string, other: string): boolean {
  if (other === room) return true;
  if (outside[room]) return outside[room].some((allowed) => other === allowed || other.startsWith(`${allowed}/`));
  const [own, theirs] = [room, other].map((name) => floors.findIndex((floor) => floor.includes(name)));
  return theirs !== -1 && theirs! < own!;
}

/** Imports that break the rules, as "file -> target". */
function forbidden(file: string, targets: readonly string[]): string[] {
  const room = roomOf(file)!;
  return targets
    .filter((target) => {
      const other = roomOf(target);
      return other === null ? !existsSync(join(packageRoot, target)) : !mayImport(room, other);
    })
    .map((target) => `${file} -> ${target}`);
}

function findCircle(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const target of graph.get(file) ?? []) {
      const circle = visit(target, [...path, file]);
      if (circle) return circle;
    }
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return null;
}

describe("imports", () => {
  it("sees the files of every room", () => {
    expect(new Set(files.map(roomOf))).toEqual(new Set(rooms));
  });

  it("go only where CONTRIBUTING allows", () => {
    expect(files.flatMap((file) => forbidden(file, importsOf(file)))).toEqual([]);
  });

  it("are refused when the harness imports an engine, or compare imports run", () => {
    expect(forbidden("harness/run/live.ts", ["engines/typescript/fault.ts"])).toHaveLength(1);
    expect(forbidden("harness/compare/judge.ts", ["harness/run/live.ts"])).toHaveLength(1);
  });

  it("form no circle", () => {
    expect(findCircle(new Map(files.map((file) => [file, importsOf(file)])))).toBeNull();
  });

  it("would be caught in a circle", () => {
    expect(
      findCircle(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["a"]],
        ]),
      ),
    ).toEqual(["a", "b", "c", "a"]);
  });
});

describe("engines own what is theirs", () => {
  /** The lines where a file names a path below an engine's folder. */
  const named = (file: string, text: string): string[] =>
    text.split("\n").flatMap((line, index) => (/engines\/[a-z_]+\/\w/.test(line) ? [`${file}:${index + 1}`] : []));

  it("nothing under harness/ or cases/ spells a path below engines/<name>/", () => {
    const owned = globSync("{harness,cases}/**/*.{ts,tsx,mjs,py}", { cwd: packageRoot }).filter(
      (file) => !file.endsWith(".test.ts") && file !== "harness/setup/bootstrap.mjs", // its tasks are npm scripts
    );
    expect(owned.flatMap((file) => named(file, readFileSync(join(packageRoot, file), "utf8")))).toEqual([]);
  });

  it("would be seen doing so", () => {
    expect(named("a.ts", 'x;\nimport y from "../engines/typescript/fault.ts";')).toEqual(["a.ts:2"]);
  });
});

/** The house rules as a test: who may import whom (CONTRIBUTING.md), and no circles. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "./engine/registry.ts";

/** What the files of a room may import, beside their own room. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "harness/trace": [],
  "harness/setup": ["harness/trace"],
  "harness/compare": ["harness/trace"],
  "harness/locate": ["harness/compare", "harness/trace"],
  "harness/explain": ["harness/compare", "harness/trace"],
  "harness/engine": ["harness/compare", "harness/trace", "harness/setup"],
  "harness/golden": ["harness/compare", "harness/trace", "harness/setup"],
  "harness/history": ["harness/compare", "harness/trace"],
  "harness/report": ["harness/history", "harness/compare", "harness/trace"],
  "harness/run": ["engine", "locate", "explain", "golden", "report", "history", "compare", "trace", "setup"].map(
    (room) => `harness/${room}`,
  ),
  "harness/cli": ["engine", "locate", "explain", "golden", "report", "history", "compare", "trace", "setup", "run"].map(
    (room) => `harness/${room}`,
  ),
  "harness/bench": [
    "engine",
    "locate",
    "explain",
    "golden",
    "report",
    "history",
    "compare",
    "trace",
    "setup",
    "run",
  ].map((room) => `harness/${room}`),
  "harness/vitest": ["engine", "report", "compare", "trace", "run"].map((room) => `harness/${room}`),
  "engines/typescript": ["harness/trace", "harness/engine"],
  cases: ["harness/bench", "harness/setup", "harness/run", "harness/trace", "harness/engine", "engines/typescript"],
};

const files = globSync("{harness,engines,cases}/**/*.{ts,tsx}", { cwd: packageRoot })
  .filter((file) => !/\.test\.tsx?$/.test(file) && !file.includes("node_modules"))
  .filter((file) => roomOf(file) !== null);

function roomOf(file: string): string | null {
  return Object.keys(allowed).find((room) => file === room || file.startsWith(`${room}/`)) ?? null;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(packageRoot, file), "utf8");
  return [...text.matchAll(/(?:^|\n)\s*(?:import|export)[^;]*?from\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/g)]
    .map((match) => match[1] ?? match[2]!)
    .map((target) => relative(packageRoot, resolve(packageRoot, dirname(file), target)));
}

/** Imports that break the rules, as "file -> target". */
function forbidden(file: string, targets: readonly string[]): string[] {
  const room = roomOf(file)!;
  return targets
    .filter((target) => {
      const other = roomOf(target);
      return other === null
        ? !existsSync(join(packageRoot, target))
        : other !== room && !allowed[room]!.includes(other);
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
    expect(new Set(files.map(roomOf))).toEqual(new Set(Object.keys(allowed)));
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

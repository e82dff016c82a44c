/** The package as npm packs it, in an empty strict project that checks its types in full, and runs a case with it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";

const program = `import type { CaseDefinition, EngineObject, RunOptions, Verdict } from "lockstep";
import { checkGolden, createPool, defineCase, float32Tensor, int64Tensor, planPhases, readSafetensors, renderSummary, renderVerdict, runCase, UsageError, verdictSchema } from "lockstep";

const definition: CaseDefinition = {
  name: "strict/text",
  title: "a case of a strict project",
  config: { architectures: ["LlamaForCausalLM"] },
  inputs: () => new Map([["input_ids", int64Tensor([1, 2, 3], [1, 3])]]),
  phases: planPhases({ chunks: [2], decode: 1, full: true }),
};
const one = defineCase(definition);
const engine: EngineObject = {
  name: "mine",
  load: ({ checkpoint }) => ({ checkpoint: checkpoint ?? "" }),
  run: async ({ inputs, phases }, emit) => {
    const ids = readSafetensors(inputs).get("input_ids");
    for (const { name } of phases)
      await emit(name, [{ site: "logits", tensor: float32Tensor(new Float32Array(ids?.shape[1] ?? 0), [1, 3]) }]);
  },
};
const pool = createPool({ report: (line) => console.error(line) });
const options: RunOptions = { engine: pool.attach(engine), dtype: "float32" };
export const compare = (): Promise<Verdict> => runCase(pool, one, options);
const verdict = await checkGolden(pool, one, { folder: "golden", engine: pool.attach(engine) });
console.log(renderVerdict(verdict), renderSummary([verdict], 1), verdictSchema.parse(verdict).status);
if (!(new UsageError("x") instanceof Error)) throw new Error("errors are classes");
await pool.close();
`;

let folder = "";
const at = (...parts: string[]): string => join(folder, ...parts);

function run(command: string, args: readonly string[], cwd = folder) {
  const env = { ...process.env, LOCKSTEP_PYTHON: "/nonexistent", NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lockstep-strict-"));
  const packed = run("npm", ["pack", "--silent", "--pack-destination", folder], packageRoot);
  expect(packed.status, packed.output).toBe(0);
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  mkdirSync(at("node_modules"));
  expect(run("tar", ["xzf", archive]).status).toBe(0);
  run("mv", ["package", "node_modules/lockstep"]);
  // What npm would install beside it: its dependencies, and the types of Node.
  for (const name of readdirSync(join(packageRoot, "node_modules")))
    if (!name.startsWith(".") && name !== "lockstep")
      symlinkSync(join(packageRoot, "node_modules", name), at("node_modules", name));
  writeFileSync(at("package.json"), '{ "private": true, "type": "module" }');
  const options = {
    ...{ target: "es2024", lib: ["es2024"], module: "nodenext", types: ["node"], strict: true, noEmit: true },
    ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true },
  };
  writeFileSync(at("tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["use.ts"] }));
  writeFileSync(at("use.ts"), program);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the packed package", () => {
  it("has no type error in a strict project, its own declarations included", () => {
    expect(run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "."])).toEqual({ status: 0, output: "" });
  });

  it("gives what it exports to a program, which runs a case with an engine of its own", () => {
    const { status, output } = run(process.execPath, ["use.ts"]);
    expect(output).toMatch(/ERROR strict\/text {3}object:mine.*\n.*no golden for strict\/text/);
    expect(status).toBe(0);
  });

  it("checks its goldens without Python", () => {
    const { status, output } = run(process.execPath, [
      "node_modules/lockstep/harness/cli/bin.mjs",
      "golden",
      "check",
      "llama/chunked",
    ]);
    expect(output).toMatch(/PASS {2}llama\/chunked .*\nok {3}1 pass/);
    expect(status).toBe(0);
  });
});

/**
 * Every command once, as its user types it, on small cases. What `calibrate` measures takes an hour: here it is only
 * refused.
 */
import { cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";
import { standardCases } from "../support/green.ts";
import { livePool } from "../support/live.ts";
import { isMissing } from "../support/missing.ts";
import { hasRedis, startRedis } from "../support/nights.ts";

const bin = join(packageRoot, "harness", "cli", "bin.mjs");
const torchEngine = fileURLToPath(new URL("../support/torch_engine.py", import.meta.url));
/** A folder without cases, where those of lockstep are taken, and one for a repository of its own. */
const [empty, repository] = [testFolder(), testFolder()];
const at = (...path: string[]): string => join(empty, ...path);
const used = new Set<string>();
const redis = !isMissing(hasRedis(), "a worker of nights: no redis-server; apt-get install redis-server");

/** Runs a command in a folder. @returns its standard output; what it says to people is checked by `says` */
async function lockstep(
  words: readonly string[],
  wanted: { code?: number; says: RegExp; cwd?: string; python?: string; secret?: string },
) {
  used.add(words[0]!);
  const { exitCode, stdout, stderr } = await execa(process.execPath, [bin, ...words], {
    ...{ cwd: wanted.cwd ?? empty, reject: false, stdin: "ignore" },
    env: {
      ...{ NO_COLOR: "1", GITHUB_ACTIONS: "", CI: "" },
      ...(wanted.python && { LOCKSTEP_PYTHON: wanted.python }),
      ...(wanted.secret && { LOCKSTEP_QUEUE_SECRET: wanted.secret }),
    },
  });
  expect(exitCode, stderr).toBe(wanted.code ?? 0);
  expect(stderr).toMatch(wanted.says);
  return stdout;
}

describe("without Python", () => {
  it("engines, engines check", async () => {
    await lockstep(["engines"], { says: /^typescript /m });
    await lockstep(["engines", "check", "typescript"], { says: /^ok {3}\d+ passed, 0 failed/m });
  });

  it("schemas", async () => {
    await lockstep(["schemas", empty], { says: /wrote .*verdict\.schema\.json/ });
    const [own, published] = [at("verdict.schema.json"), join(packageRoot, "docs", "verdict.schema.json")];
    expect(readFileSync(own, "utf8")).toBe(readFileSync(published, "utf8"));
  });

  it("init, golden check, golden prune", async () => {
    await lockstep(["init", repository], { says: /^wrote {2}lockstep\.test\.ts$/m });
    const file = join(repository, "cases", "tiny_llama.case.ts");
    const library = new URL("../../harness/index.ts", import.meta.url).href; // npm would install it
    writeFileSync(file, readFileSync(file, "utf8").replace('from "lockstep"', `from "${library}"`));
    await lockstep(["golden", "check"], { says: /^ok {3}1 pass {3}48\/48 sites/m, cwd: repository });
    await lockstep(["golden", "prune", "--dry-run"], { says: /./, cwd: repository });
  });

  it("calibrate says what it needs", async () => {
    await lockstep(["calibrate"], { code: 3, says: /no Python 3\.11 or newer/, python: "/nonexistent" });
  });

  it.skipIf(!redis)("worker", async () => {
    using server = await startRedis();
    const words = ["worker", "--redis", server.url, "--idle", "1"];
    await lockstep(words, { code: 2, says: /LOCKSTEP_QUEUE_SECRET: expected a secret/ });
    await lockstep(words, { secret: "of sixteen letters", says: /^ok {3}worker ended {3}0 jobs done/m });
  });
});

describe.skipIf(livePool === null)("with the live reference", () => {
  it("doctor", async () => {
    await lockstep(["doctor"], { says: /^ok {3}nothing is missing$/m });
  });

  it("run, repro, minimise", async () => {
    const verdict = await lockstep(["run", "--fault", "litgpt-gemma-gelu", "--json"], {
      code: 1,
      says: /cause {2}the activation is GELU/,
    });
    writeFileSync(at("verdict.json"), verdict);
    const german = await execa(process.execPath, [
      join(packageRoot, "examples/german-verdict/print.mjs"),
      at("verdict.json"),
    ]);
    expect(german.stdout).toMatch(/^FEHLSCHLAG {2}gemma4_unified\/text/);
    expect(german.stdout).toMatch(/^ {3}Ursache Aktivierung gelu_erf statt gelu_tanh$/m);
    await lockstep(["repro", "verdict.json", "--out", "repro"], { says: /^written to repro$/m });
    const small = ["minimise", "verdict.json", "--seconds", "1", "--out", "small.case.ts"];
    await lockstep(small, { says: /small\.case\.ts/ });
  });

  it("run with a PyTorch engine", async () => {
    const engine = `torch:${torchEngine}:healthy`;
    await lockstep(["run", "gemma4_unified/left_padded", "--engine", engine], { says: /^ok {3}1 pass/m });
  });

  it("shapes of a config file", async () => {
    const testCase = standardCases.find(({ name }) => name === "llama/chunked")!;
    writeFileSync(at("config.json"), JSON.stringify(testCase.config));
    await lockstep(["shapes", "config.json"], { says: /^ok {3}1 pass/m });
  });

  it("power", async () => {
    await lockstep(["power", "bert/pooler"], { says: /bert\/pooler/ });
  });

  it("parity", async () => {
    const words = ["parity", "bert/pooler", "--dtypes", "float32", "--out", "parity.md"];
    await lockstep(words, { says: /^parity .*parity\.md/m });
  });

  it("selftest", async () => {
    const words = ["selftest", "litgpt-gemma-gelu", "--json"];
    const shown = JSON.parse(await lockstep(words, { says: /^1\/1 detected {3}1 exact/m })) as { faults: unknown[] };
    const site = "model.language_model.layers.3.mlp.act_fn:out";
    expect(shown.faults).toMatchObject([
      {
        ...{ id: "litgpt-gemma-gelu", category: "activation", case: "gemma4_unified/text", status: "exact" },
        ...{ site, phase: "prefill", rating: "right", expected: { site, phase: null } },
        explanation: expect.stringMatching(/^the activation is GELU \(erf\)/) as string,
      },
    ]);
  });

  it("new", async () => {
    const needed = join("engines", "typescript", "layers", "config_schema.ts");
    cpSync(join(packageRoot, needed), at("clone", needed));
    await lockstep(["new", "phi", "--into", at("clone")], { says: /^wrote .*phi\.ts$/m });
  });

  it("golden record, golden update, golden diff", async () => {
    await lockstep(["golden", "record"], { says: /tiny_llama/, cwd: repository });
    await lockstep(["golden", "update"], { says: /./, cwd: repository });
    await lockstep(["golden", "diff"], { says: /^ok {3}0 changed, 1 the same/m, cwd: repository });
  });

  it("nightly, merge, history", async () => {
    const night = ["nightly", "bert/pooler", "--reference", "pinned", "--dtype", "float32", "--shard", "1/1"];
    await lockstep([...night, "--folder", "shard", "--json"], { says: /^shard 1\/1/m });
    const [file] = readdirSync(at("shard", "shards"));
    await lockstep(["merge", at("shard", "shards", file!), "--folder", "nights"], { says: /green/ });
    await lockstep(["history", "--folder", "nights"], { says: /bert/ });
  });
});

it("no command is left out", async () => {
  const help = await lockstep(["--help"], { says: /^$/ });
  const commands = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name!).filter((name) => name !== "help");
  expect(commands.length).toBeGreaterThan(15);
  const unused = commands.filter((name) => !used.has(name));
  expect(unused.filter((name) => livePool !== null && (name !== "worker" || redis))).toEqual([]);
});

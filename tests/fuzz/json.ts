/** Files of JSON, and goldens, with something wrong: each is read, or refused in a sentence of exit code 2. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkpointCase } from "../../harness/case/checkpoint.ts";
import { standardFolders } from "../../harness/case/discover.ts";
import { readVerdicts } from "../../harness/cli/verdict-file.ts";
import { listEngines } from "../../harness/engine/registry.ts";
import { packFile, unpackFile } from "../../harness/golden/format/container.ts";
import { parseGolden } from "../../harness/golden/format/file.ts";
import { parseShapesGolden } from "../../harness/golden/format/shapes.ts";
import { readShard } from "../../harness/night/merge.ts";
import { jobData } from "../../harness/night/queue.ts";
import { UsageError } from "../../harness/trace/errors.ts";
import { readUserJson } from "../../harness/trace/user-file.ts";
import { errorVerdict, openFrame } from "../../harness/run/verdict-builder.ts";
import type { Stage } from "./files.ts";
import { numbersOf } from "./files.ts";

type Numbers = ReturnType<typeof numbersOf>;

/** A kind of file: a right one, and how it is read. */
interface Kind {
  readonly right: Uint8Array;
  readonly name: string;
  read(file: string, bytes: Uint8Array): unknown;
}

const strange = [null, -1, 1.5, "", "x", [], {}, true, 1e21, "../../etc/passwd", "x".repeat(2000)];

function kinds(folder: string): Kind[] {
  const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const config = { model_type: "llama", architectures: ["LlamaForCausalLM"], hidden_size: 8 };
  const testCase = checkpointCaseOf(folder, config);
  const verdict = errorVerdict(openFrame(testCase, { mode: "live", engine: "x", limit: 4 }), new UsageError("no"));
  const night = { kind: "night", schema: 1, night: "n", scope: "s", asked: {}, started: "", seconds: 0, commit: null };
  const shard = { shard: { index: 1, count: 1 }, plan: [], night, results: [], verdicts: { a: verdict } };
  const job = { key: "k", night: "n", case: "a/b", engine: "e", dtype: "float32", seed: 0, limit: 4, explain: 20 };
  const { golden } = standardFolders;
  const [shapes] = readdirSync(join(golden, "shapes"));
  return [
    { name: "verdict.json", right: text([verdict]), read: (file) => readVerdicts(file) },
    { name: "shard.json", right: text(shard), read: (file) => readShard(file) },
    { name: "config.json", right: text(config), read: () => checkpointCase(folder, [1, 2, 3, 4, 5]) },
    {
      name: "engines/one/engine.json",
      right: text({ name: "one", title: "t", command: ["{node}"], requirements: [] }),
      read: () => listEngines(join(folder, "engines")),
    },
    {
      name: "job.json",
      right: text({
        ...job,
        reference: { version: "1", roles: [] },
        versions: { engine: {}, reference: {} },
        cases: [],
      }),
      read: (file) => jobData.safeParse(readUserJson(file, "a job")),
    },
    {
      name: "text.golden",
      right: readFileSync(join(golden, "gemma4_unified", "text.golden")),
      read: (file, bytes) => parseGolden(bytes, file, "gemma4_unified/text"),
    },
    {
      name: "shapes.golden",
      right: readFileSync(join(golden, "shapes", shapes!)),
      read: (file, bytes) => parseShapesGolden(bytes, file, "seed/any"),
    },
  ];
}

function checkpointCaseOf(folder: string, config: object) {
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  return checkpointCase(folder, [1, 2, 3, 4, 5]);
}

/** Puts something else in one place of a value, takes a field away, or adds one. */
function change(value: unknown, numbers: Numbers): unknown {
  const { below, pick, next } = numbers;
  if (typeof value !== "object" || value === null || next() < 0.15) return pick(strange);
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value };
  const keys = Object.keys(copy);
  const key = keys.length === 0 || next() < 0.05 ? "more" : keys[below(keys.length)]!;
  if (next() < 0.1) delete (copy as Record<string, unknown>)[key];
  else (copy as Record<string, unknown>)[key] = change((copy as Record<string, unknown>)[key], numbers);
  return copy;
}

/** A wrong one of a right file: other JSON, other bytes, or cut off; of a golden also inside, with a right checksum. */
function spoil({ right, name }: Kind, numbers: Numbers): Uint8Array {
  const { below, pick } = numbers;
  const how = pick(["value", "value", "value", "bytes", "cut"]);
  if (how === "cut") return right.subarray(0, below(right.length));
  if (how === "bytes") return withOtherBytes(right, numbers);
  if (!name.endsWith(".golden"))
    return Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(right).toString()), numbers)) ?? "");
  const { head, payload } = unpackFile(right);
  return pick([true, false])
    ? packFile(change(head, numbers) as Record<string, unknown>, payload.subarray(0, 2000))
    : packFile(head as Record<string, unknown>, withOtherBytes(payload.subarray(0, 2000), numbers));
}

function withOtherBytes(bytes: Uint8Array, { below, pick }: Numbers): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let flips = pick([1, 2, 8]); flips > 0; flips--) copy[below(copy.length)] = below(256);
  return copy;
}

/** Reads `count` files, those of `seed`, in `folder`. */
export function fuzzJson({ seed, count, folder }: { seed: number; count: number; folder: string }): Stage {
  mkdirSync(join(folder, "engines", "one"), { recursive: true });
  const all = kinds(folder);
  const problems: string[] = [];
  let [accepted, refused] = [0, 0];
  for (let place = 0; place < count; place++) {
    const kind = all[place % all.length]!;
    const bytes = spoil(kind, numbersOf(seed, place));
    const file = join(folder, kind.name);
    writeFileSync(file, bytes);
    try {
      kind.read(file, bytes);
      accepted++;
    } catch (error) {
      refused++;
      if (!(error instanceof UsageError) || error.message.length > 5000)
        problems.push(`${kind.name} ${place}: ${String(error).slice(0, 300)}`);
    }
  }
  return { accepted, refused, problems };
}

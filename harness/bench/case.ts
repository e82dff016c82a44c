import { readFileSync } from "node:fs";
import { dtypeBytes, isDtype } from "../trace/dtypes.ts";
import { drawUniform } from "../trace/draw.ts";
import { elementCount, int64Tensor } from "../trace/tensor.ts";
import type { Verdict } from "../verdict/schema.ts";
import { renderVerdict } from "../report/terminal.ts";
import type { Case } from "../case/case.ts";
import { defineCase, planPhases } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { runCase } from "../run/live.ts";
import type { Figure } from "./figures.ts";
import { mediansInTurn, spellBytes, spellTime } from "./figures.ts";

/** Measures a case from the request to the verdict, engines warm. */
export async function* benchWarmCase(pool: EnginePool, testCase: Case): AsyncGenerator<Figure> {
  let sites = 0;
  const run = async () => {
    sites = passed(await runCase(pool, testCase)).coverage.compared;
  };
  const [median = 0] = await mediansInTurn([run], 3);
  yield {
    section: "warm case",
    what: testCase.name,
    value: spellTime(median),
    from: `${sites.toLocaleString("en-US")} sites, each judged twice`,
  };
}

function passed(verdict: Verdict): Verdict {
  if (verdict.status !== "pass") throw new Error(renderVerdict(verdict));
  return verdict;
}

const memoryTokens = 192;

/** Layers of the trace, and of the shallow one it is compared with. */
const layers = { few: 6, many: 24 } as const;

/** Peak resident sizes while a deep trace passes through, beside the size of one side's trace. */
export async function* benchMemory(pool: EnginePool, text: Case): AsyncGenerator<Figure> {
  if (process.platform !== "linux") return;
  const processes = [
    ["harness", process.pid],
    ["reference", (await pool.reference()).pid],
    ["engine", (await pool.get(text.engine)).pid],
  ] as const;
  passed(await runCase(pool, deepCase(text, layers.few))); // what a run costs at all
  const before = processes.map(([, pid]) => peakResident(pid));
  const verdict = passed(await runCase(pool, deepCase(text, layers.many)));
  const trace = verdict.sites.reduce(
    (total, { expected }) =>
      total + (expected && isDtype(expected.dtype) ? elementCount(expected.shape) * dtypeBytes[expected.dtype] : 0),
    0,
  );
  yield {
    section: "memory",
    what: `trace of one side, ${layers.many} layers`,
    value: spellBytes(trace),
    from: "7 such pass through",
  };
  for (const [index, [name, pid]] of processes.entries()) {
    const peak = peakResident(pid);
    const growth = peak - before[index]!;
    yield {
      section: "memory",
      what: `peak of ${name}`,
      value: spellBytes(peak),
      from: `${spellBytes(growth)} more than with ${layers.few} layers, ${(growth / trace).toFixed(2)} x the trace`,
    };
  }
}

/** A text case's model with so many layers, on enough tokens for megabytes a layer. */
function deepCase(text: Case, count: number): Case {
  const ids = drawUniform(0, "bench ids", memoryTokens, 3, 170).map(Math.floor);
  const kinds = ["sliding_attention", "sliding_attention", "full_attention"];
  return defineCase({
    name: `bench/${count}_layers`,
    title: `${count} layers`,
    config: {
      ...text.config,
      num_hidden_layers: count,
      max_position_embeddings: 256,
      layer_types: Array.from({ length: count }, (_, layer) => kinds[layer % 3]!),
    },
    inputs: () =>
      new Map([
        ["input_ids", int64Tensor(ids, [1, memoryTokens])],
        [
          "attention_mask",
          int64Tensor(
            ids.map(() => 1),
            [1, memoryTokens],
          ),
        ],
      ]),
    phases: planPhases({ chunks: [memoryTokens], decode: 0, full: false }),
  });
}

/** Largest resident size so far of a process, in bytes. */
function peakResident(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}

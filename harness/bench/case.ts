import { readFileSync } from "node:fs";
import { dtypeBytes, isDtype } from "../trace/dtype.ts";
import { drawUniform } from "../trace/draw.ts";
import { elementCount, int64Tensor } from "../trace/tensor.ts";
import type { Verdict } from "../compare/verdict.ts";
import type { Case } from "../run/case.ts";
import { defineCase, planPhases } from "../run/case.ts";
import type { EnginePool } from "../run/engines.ts";
import { runCase } from "../run/live.ts";
import type { Figure } from "./figures.ts";
import { medianOf, spellBytes, spellTime } from "./figures.ts";

/** From request to verdict, engines warm. */
export async function* benchWarmCase(pool: EnginePool, found: Case): AsyncGenerator<Figure> {
  let verdict = passed(await runCase(pool, found));
  const median = await medianOf(async () => (verdict = passed(await runCase(pool, found))), { time: 2000, runs: 5 });
  yield {
    section: "warm case",
    what: found.name,
    value: spellTime(median),
    from: `${verdict.coverage.compared} sites, each judged twice`,
  };
}

function passed(verdict: Verdict): Verdict {
  if (verdict.status !== "pass") throw new Error(`${verdict.case}: expected a pass, found ${verdict.status}`);
  return verdict;
}

const memoryTokens = 192;

/** Peak resident sizes while a deep trace passes through, beside the size of one side's trace. */
export async function* benchMemory(pool: EnginePool, text: Case): AsyncGenerator<Figure> {
  if (process.platform !== "linux") return;
  const processes = [
    ["harness", process.pid],
    ["reference", (await pool.reference()).pid],
    ["engine", (await pool.get(text.engine)).pid],
  ] as const;
  passed(await runCase(pool, deepCase(text, 6))); // what a run costs at all
  const before = processes.map(([, pid]) => peakResident(pid));
  const verdict = passed(await runCase(pool, deepCase(text, 36)));
  const trace = verdict.sites.reduce(
    (total, { shape = [], dtype = "F32" }) => total + elementCount(shape) * (isDtype(dtype) ? dtypeBytes[dtype] : 0),
    0,
  );
  yield {
    section: "memory",
    what: "trace of one side, 36 layers",
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
      from: `${spellBytes(growth)} more than with 6 layers, ${(growth / trace).toFixed(2)} x the trace`,
    };
  }
}

/** A text case's model with so many layers, on enough tokens for megabytes a layer. */
function deepCase(text: Case, layers: number): Case {
  const ids = drawUniform(0, "bench ids", memoryTokens, 3, 170).map(Math.floor);
  const kinds = ["sliding_attention", "sliding_attention", "full_attention"];
  return defineCase({
    name: `bench/${layers}_layers`,
    title: `${layers} layers`,
    config: {
      ...text.config,
      num_hidden_layers: layers,
      max_position_embeddings: 256,
      layer_types: Array.from({ length: layers }, (_, layer) => kinds[layer % 3]!),
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

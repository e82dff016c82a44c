/**
 * Routers whose logits are closer than rounding can tell: whichever expert an engine chooses is a tie and no fault; a
 * choice that is none fails.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { renderVerdict } from "../../harness/report/terminal.ts";
import type { Case } from "../../harness/case/case.ts";
import { runCase } from "../../harness/run/live.ts";
import { readSafetensorsIndex, readTensor, writeSafetensors } from "../../harness/trace/safetensors.ts";
import { toNumbers } from "../../harness/trace/tensor.ts";
import { architectureCase } from "../support/architectures.ts";
import { livePool } from "../support/live.ts";
import { tieOf } from "../../harness/verdict/deciding.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";

const fileOf = (name: string): string => fileURLToPath(new URL(`../support/${name}.py`, import.meta.url));
const engine = `torch:${fileOf("torch_engine")}:healthy`;
const folder = testFolder();
/** Relative differences of the tied rows that are just not lost in each dtype. */
const steps = { float32: 1e-7, bfloat16: 4e-3 } as const;
type Dtype = keyof typeof steps;
let tied: Record<Dtype, Case>;

/**
 * Mixtral with routers in which the rows of all experts but the last two are equal to within `step`: most tokens choose
 * among equals.
 */
async function tieRouters(dtype: Dtype): Promise<Case> {
  const directory = join(folder, dtype);
  const testCase = architectureCase("mixtral");
  const { checkpoint } = await livePool!.load(await livePool!.reference(), {
    config: testCase.config,
    seed: 0,
    dtype: "float32",
  });
  cpSync(checkpoint, directory, { recursive: true });
  const weights = join(directory, "model.safetensors");
  const tensors = new Map(
    [...readSafetensorsIndex(weights).entries].map(([name, entry]) => [name, readTensor(entry)] as const),
  );
  const routers = [...tensors].filter(([name]) => name.endsWith("gate.weight"));
  expect(routers).toHaveLength(3);
  for (const [, tensor] of routers) {
    const [experts, width] = tensor.shape as [number, number];
    const rows = toNumbers(tensor); // a view
    for (let row = 1; row < experts - 2; row++)
      for (let column = 0; column < width; column++)
        rows[row * width + column] = rows[column]! * (1 + steps[dtype] * ((row * 7 + column * 5) % 3));
  }
  writeSafetensors(weights, tensors);
  return architectureCase("mixtral", { checkpoint: directory });
}

/** The verdict of an engine with one of the changes of testing/experts_faults.py. */
async function verdictOf(change: string, dtype: Dtype = "float32") {
  const fault = { module: fileOf("experts_faults"), name: change };
  return await runCase(livePool!, { ...tied[dtype], fault }, { engine, dtype, explain: 0 });
}

describe.skipIf(livePool === null)("routers with ties", () => {
  beforeAll(async () => {
    tied = { float32: await tieRouters("float32"), bfloat16: await tieRouters("bfloat16") };
  });

  it.each([
    ["float32", "router_sums_in_halves"],
    ["bfloat16", "router_in_float32"],
  ] as const)("that fall to other experts are reported and pass, in %s with %s", async (dtype, factory) => {
    const verdict = await verdictOf(factory, dtype);
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    const ties = verdict.sites.filter((site) => tieOf(site) !== null);
    expect(ties.length).toBeGreaterThan(0);
    expect(ties.every(({ site }) => site.endsWith(".mlp.gate:out.2"))).toBe(true);
    expect(renderVerdict(verdict)).toContain("a tie");
  });

  it("hide no fault: what the experts do with the engine's choice is judged", async () => {
    const verdict = await verdictOf("one_expert_less");
    expect(verdict.culprit?.site, renderVerdict(verdict)).toBe("model.layers.0.mlp.experts:out");
  });

  it("excuse no choice beyond them", async () => {
    const verdict = await verdictOf("experts_off_by_one");
    expect(verdict.culprit?.site, renderVerdict(verdict)).toBe("model.layers.0.mlp.gate:out.2");
  });

  it("the chosen experts may come in any order when their weights do, too", async () => {
    const verdict = await verdictOf("choice_permuted");
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
  });
});

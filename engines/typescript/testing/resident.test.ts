/**
 * Large models keep weights and tensors in the kernels' memory, which is reused from layer to layer: the bits are those
 * of ordinary arrays.
 */
import { describe, expect, it } from "vitest";
import { record, writeCheckpoint } from "./tiny.ts";
import { casesFolder, loadCases } from "../../../harness/case/discover.ts";

const cases = (await loadCases(casesFolder())).filter(
  ({ kind, engine, checkpoint }) => kind === "run" && engine === "typescript" && !checkpoint,
);

describe.each(["float32", "bfloat16", "float16"] as const)("%s", (dtype) => {
  it.each(cases.map((testCase) => [testCase.name, testCase] as const))("%s", async (_, { config, inputs, phases }) => {
    const checkpoint = writeCheckpoint(config as Record<string, unknown>);
    const run = (storeFrom: number) => record(checkpoint, inputs(0), phases, { dtype, storeFrom });
    const [arrays, resident] = [await run(Infinity), await run(0)];
    expect(resident.map(({ phase, site }) => `${phase}|${site}`)).toEqual(
      arrays.map(({ phase, site }) => `${phase}|${site}`),
    );
    const different = resident.filter(({ raw }, i) => Buffer.compare(raw.bytes, arrays[i]!.raw.bytes) !== 0);
    expect(different.map(({ phase, site }) => `${phase}|${site}`)).toEqual([]);
  });
});

import { expect, test } from "vitest";
import { large, tiny } from "../testing/tiny.ts";
import { buildModel } from "./build.ts";
import { planKvCache } from "./kv_plan.ts";

const model = (config: Record<string, unknown>, dtype: "F32" | "BF16" | "F16" = "F32") =>
  buildModel({ config, fault: null, weights: null, dtype });

test("the 12 B model in 1 GiB: 40 sliding layers keep 1023 tokens, 8 full layers the rest", () => {
  const budget = 2 ** 30;
  const plan = planKvCache(model(large), budget, 16_384);
  expect(plan.kinds.map(({ kind, layers, bytes_per_token }) => [kind, layers, bytes_per_token])).toEqual([
    ["sliding_attention 8x256", 40, 2 * 8 * 256 * 4],
    ["full_attention 1x512", 8, 2 * 1 * 512 * 4],
  ]);
  const sliding = 40 * 16_384 * 1023;
  expect(plan.tokens).toBe(Math.floor((budget - sliding) / (8 * 4096)));
  expect(plan.kinds.map(({ tokens_kept }) => tokens_kept)).toEqual([1023, plan.tokens]);
  expect(plan.kinds.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(budget);
});

test("layers that reuse keys store nothing, and the plan ends at max_length", () => {
  const plan = planKvCache(model(tiny), 2 ** 30, 64);
  expect(plan).toMatchObject({ tokens: 64, max_length: 64 });
  expect(plan.kinds).toEqual([
    { kind: "sliding_attention 2x14", layers: 3, bytes_per_token: 224, tokens_kept: 7, bytes: 4704 },
    { kind: "full_attention 1x20", layers: 2, bytes_per_token: 160, tokens_kept: 64, bytes: 20480 },
  ]);
});

test.each(["BF16", "F16"] as const)("%s takes 2 bytes an element: as many tokens in half the memory", (dtype) => {
  const budget = 2 ** 29;
  const plan = planKvCache(model(large, dtype), budget, 16_384);
  expect(plan.kinds.map(({ bytes_per_token }) => bytes_per_token)).toEqual([2 * 8 * 256 * 2, 2 * 1 * 512 * 2]);
  expect(plan.tokens).toBe(Math.floor((budget - 40 * 8192 * 1023) / (8 * 2048)));
});

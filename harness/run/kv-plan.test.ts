import { expect, it } from "vitest";
import { renderPlan } from "./kv-plan.ts";

const plan = {
  budget_bytes: 4 * 2 ** 30,
  max_length: 262_144,
  tokens: 130_048,
  kinds: [
    { kind: "sliding_attention", layers: 40, bytes_per_token: 16_384, tokens_kept: 1023, bytes: 670_433_280 },
    { kind: "full_attention", layers: 8, bytes_per_token: 1536, tokens_kept: 130_048, bytes: 1_598_029_824 },
  ],
};

it("a plan is a line a kind of layer, in units that fit", () => {
  expect(`\n${renderPlan(plan)}\n`).toMatchInlineSnapshot(`
    "
       KV cache of 4 GiB: 130048 tokens of one sequence, of at most 262144
         sliding_attention         40 layers       16 KiB a token and layer      1023 tokens kept    639.4 MiB
         full_attention             8 layers      1.5 KiB a token and layer    130048 tokens kept      1.5 GiB
    "
  `);
});

it("a plan says when the longest sequence fits", () => {
  expect(renderPlan({ ...plan, tokens: 262_144, kinds: [] })).toMatchInlineSnapshot(
    `"   KV cache of 4 GiB: 262144 tokens of one sequence, the longest sequence fits"`,
  );
});

it.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [2 ** 40, "1 TiB"],
  [2 ** 51, "2048 TiB"],
])("%i bytes are %s", (bytes, text) => {
  expect(renderPlan({ ...plan, budget_bytes: bytes })).toContain(`KV cache of ${text}:`);
});

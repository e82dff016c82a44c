/** The bits of all logits are the same on one thread and on two, and on another version of Node. */
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { writeCheckpoint } from "../testing/tiny.ts";
import { isMissing } from "../../../tests/support/missing.ts";

const script = fileURLToPath(new URL("../testing/logits-digest.ts", import.meta.url));
/** A Node of another major version; CI fetches one. */
const other = process.env["LOCKSTEP_OTHER_NODE"];
const alone = isMissing(other !== undefined, "the bits of two versions of Node: LOCKSTEP_OTHER_NODE names none");

/** A config that is wide enough for its products to be worth a second thread. */
const config = {
  architectures: ["Qwen3ForCausalLM"],
  model_type: "qwen3",
  vocab_size: 1003,
  hidden_size: 260,
  intermediate_size: 516,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 50,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
};
let checkpoint: string;
beforeAll(() => void (checkpoint = writeCheckpoint(config)));

async function digest(dtype: string, threads: number, node = process.execPath) {
  const { stdout } = await execa(node, [script, checkpoint, dtype, String(threads)], {
    env: { NODE_NO_WARNINGS: "1" },
  });
  return JSON.parse(stdout) as { digest: string; threads: number; node: string };
}

test.each(["F32", "BF16", "F16"])("one thread and two, %s", async (dtype) => {
  const [one, two] = await Promise.all([digest(dtype, 1), digest(dtype, 2)]);
  expect([one.threads, two.threads]).toEqual([1, 2]);
  expect(two.digest).toBe(one.digest);
});

test.skipIf(alone)("two versions of Node", async () => {
  const [here, there] = await Promise.all([digest("F32", 2), digest("F32", 2, other)]);
  expect(there.node.split(".")[0]).not.toBe(here.node.split(".")[0]);
  expect(there.digest).toBe(here.digest);
});

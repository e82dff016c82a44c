/**
 * `node logits-digest.ts <checkpoint> <dtype> <threads>`: prefill of 40 tokens and 6 decode steps; prints the SHA-256
 * of all logits and how many threads took part. For tests that compare processes.
 */
import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { noModalities } from "../layers/causal_model.ts";
import { loadCheckpoint } from "../runtime/load.ts";
import { runPhase, startPhases } from "../runtime/phases.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import { scratchIn } from "../tensor/scratch.ts";
import { indexTensor } from "../tensor/tensor.ts";

const [directory, dtype, threads] = process.argv.slice(2) as [string, FloatDtype, string];
const { model, store } = loadCheckpoint(directory, { dtype, storeFrom: 0 });
const { memory } = store!;
store!.threads = Number(threads);
while (!memory.threads.ready) await setTimeout(5);

const [prompt, total] = [40, 46];
const inputs = {
  input_ids: indexTensor(
    [1, total],
    Int32Array.from({ length: total }, (_, i) => 3 + ((i * 37) % 900)),
  ),
  attention_mask: indexTensor([1, total], new Int32Array(total).fill(1)),
  token_type_ids: null,
  mm_token_type_ids: null,
  modalities: noModalities,
};
const state = startPhases([]);
const hash = createHash("sha256");
for (let [start, end] = [0, prompt]; end <= total; [start, end] = [end, end + 1]) {
  const phase = { name: `to ${end}`, start, end, cache: true };
  hash.update(scratchIn(memory, () => runPhase(model.root, inputs, phase, state)).data!);
}
process.stdout.write(
  JSON.stringify({ digest: hash.digest("hex"), threads: memory.threads.count, node: process.version }),
);
store!.close();

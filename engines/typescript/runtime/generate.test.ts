import { expect, test } from "vitest";
import { noModalities } from "../layers/causal_model.ts";
import { tinyText, writeCheckpoint } from "../testing/tiny.ts";
import { indexTensor } from "../tensor/tensor.ts";
import { generate } from "./generate.ts";
import { loadCheckpoint } from "./load.ts";
import { runPhase, startPhases } from "./phases.ts";
import { greedy } from "./sampling.ts";

function load(storeFrom: number) {
  const directory = writeCheckpoint({ architectures: ["Gemma4UnifiedForCausalLM"], ...tinyText });
  const { model, store } = loadCheckpoint(directory, { dtype: "F32", storeFrom });
  return { model, memory: store?.memory ?? null };
}

const prompt = [5, 17, 80, 44, 9, 100, 23, 61, 7, 12];
const options = { max_new_tokens: 12, eos_token_ids: [], sampling: null };

/** Generates the same tokens by whole forwards without a cache. */
function generateSlowly(model: ReturnType<typeof load>["model"]): number[] {
  const ids = [...prompt];
  for (let step = 0; step < options.max_new_tokens; step++) {
    const shape = [1, ids.length];
    const inputs = {
      input_ids: indexTensor(shape, Int32Array.from(ids)),
      attention_mask: indexTensor(shape, new Int32Array(ids.length).fill(1)),
      token_type_ids: null,
      mm_token_type_ids: null,
      modalities: noModalities,
    };
    const phase = { name: "full", start: 0, end: ids.length, cache: false };
    const logits = runPhase(model.root, inputs, phase, startPhases([]));
    ids.push(greedy(logits.data!.subarray(-logits.size(-1))));
  }
  return ids.slice(prompt.length);
}

test("continues a prompt beyond the window as forwards without a cache do, in either memory", () => {
  const [plain, stored] = [load(Infinity), load(0)];
  expect(plain.memory).toBeNull();
  expect(stored.memory).not.toBeNull();
  const expected = generateSlowly(plain.model);
  expect(new Set(expected).size).toBeGreaterThan(1);
  for (const { model, memory } of [plain, stored])
    expect([...generate(model, prompt, { ...options, memory })]).toEqual(expected);
});

test("ends with the first end token, and hands it out", () => {
  const { model, memory } = load(0);
  const all = [...generate(model, prompt, { ...options, memory })];
  const third = all[2]!;
  const found = [...generate(model, prompt, { ...options, memory, eos_token_ids: [third] })];
  expect(found).toEqual(all.slice(0, all.indexOf(third) + 1));
});

test("a step leaves nothing on the stack", () => {
  const { model, memory } = load(0);
  const tops = new Set<number>();
  for (const _ of generate(model, prompt, { ...options, memory })) tops.add(memory!.stackTop);
  expect(tops.size).toBe(1);
});

test("an empty prompt is refused", () => {
  const { model, memory } = load(0);
  expect(() => generate(model, [], { ...options, memory }).next()).toThrow(/at least one token/);
});

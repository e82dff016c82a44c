import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeSafetensors } from "../../../harness/trace/safetensors.ts";
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { float32Tensor } from "../../../harness/trace/tensor.ts";
import {
  drawTensors,
  largestDifference,
  record,
  scratch,
  tapAt,
  textInputs,
  tiny,
  writeCheckpoint,
} from "../testing/tiny.ts";
import { TypeScriptEngine } from "./engine.ts";

const load = (checkpoint: string) => new TypeScriptEngine().load({ checkpoint, dtype: "float32" });
const whole = [{ name: "full", start: 0, end: 5, cache: false }];
const logits = async (checkpoint: string) =>
  tapAt(await record(checkpoint, textInputs([5]), whole), "full", "logits").values;
const layer = "model.language_model.layers.2";

describe("a checkpoint that does not fit its config", () => {
  test("is refused with everything that is missing, misshapen or unexpected", async () => {
    const checkpoint = writeCheckpoint(tiny, (tensors) => {
      tensors.delete(`${layer}.mlp.up_proj.weight`);
      tensors.set(`${layer}.self_attn.q_proj.weight`, float32Tensor(new Float32Array(56 * 40), [56, 40]));
      tensors.set(`${layer}.self_attn.v_proj.weight`, float32Tensor(new Float32Array(20 * 40), [20, 40]));
    });
    await expect(load(checkpoint)).rejects.toThrowErrorMatchingInlineSnapshot(`
      [EngineError: the checkpoint does not fit its config:
        shape model.language_model.layers.2.self_attn.q_proj.weight: expected [80 = text_config.num_attention_heads 4 x text_config.per_layer_config[2].head_dim 20, 40 = text_config.hidden_size 40], found [56, 40]
        missing model.language_model.layers.2.mlp.up_proj.weight: [68 = text_config.intermediate_size 68, 40 = text_config.hidden_size 40]
        unexpected model.language_model.layers.2.self_attn.v_proj.weight]
    `);
  });

  test("a tied head that is stored must be the embedding", async () => {
    const same = writeCheckpoint(tiny, (tensors) =>
      tensors.set("lm_head.weight", tensors.get("model.language_model.embed_tokens.weight")!),
    );
    await expect(load(same)).resolves.toBeDefined();
    const other = writeCheckpoint(tiny, (tensors) =>
      tensors.set("lm_head.weight", float32Tensor(new Float32Array(193 * 40), [193, 40])),
    );
    await expect(load(other)).rejects.toThrow(
      "tied lm_head.weight: differs from model.language_model.embed_tokens.weight",
    );
  });
});

test("shards and the names of published checkpoints give the same model", async () => {
  const directory = join(scratch(), "sharded");
  mkdirSync(directory);
  writeFileSync(join(directory, "config.json"), JSON.stringify(tiny));
  const published = (name: string) =>
    name
      .replace("model.embed_vision.multimodal_embedder.embedding", "model.embed_vision.embedding")
      .replace(/^model\.embed_vision\.(?!embedding)/, "model.vision_embedder.");
  const tensors = [...drawTensors(tiny)].map(([name, tensor]) => [published(name), tensor] as const);
  expect(tensors.map(([name]) => name)).toContain("model.vision_embedder.pos_embedding");
  const weight_map: Record<string, string> = {};
  for (const [index, half] of [tensors.slice(0, 50), tensors.slice(50)].entries()) {
    writeSafetensors(join(directory, `shard-${index}.safetensors`), new Map(half));
    for (const [name] of half) weight_map[name] = `shard-${index}.safetensors`;
  }
  writeFileSync(join(directory, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
  expect(largestDifference(await logits(directory), await logits(writeCheckpoint(tiny)))).toBe(0);
});

test("bfloat16 weights are widened", async () => {
  const upper = ({ shape, bytes }: RawTensor): RawTensor => ({
    dtype: "BF16",
    shape,
    bytes: bytes.filter((_, i) => i % 4 >= 2),
  });
  const zeroLower = ({ shape, bytes }: RawTensor): RawTensor => ({
    dtype: "F32",
    shape,
    bytes: bytes.map((byte, i) => (i % 4 >= 2 ? byte : 0)),
  });
  const change = (convert: (tensor: RawTensor) => RawTensor) => (tensors: Map<string, RawTensor>) => {
    for (const [name, tensor] of tensors) tensors.set(name, convert(tensor));
  };
  const [narrow, wide] = [writeCheckpoint(tiny, change(upper)), writeCheckpoint(tiny, change(zeroLower))];
  expect(largestDifference(await logits(narrow), await logits(wide))).toBe(0);
});

describe("config.json", () => {
  test("that is not JSON is named, with what Python may have written", async () => {
    const checkpoint = writeCheckpoint(tiny);
    writeFileSync(join(checkpoint, "config.json"), '{"rms_norm_eps": NaN}');
    await expect(load(checkpoint)).rejects.toMatchObject({
      code: -32002,
      data: { expected: "a JSON object", where: join(checkpoint, "config.json") },
    });
  });

  test("must be there", async () => {
    const checkpoint = writeCheckpoint(tiny);
    rmSync(join(checkpoint, "config.json"));
    await expect(load(checkpoint)).rejects.toThrow("config.json is not a config: ENOENT");
  });
});

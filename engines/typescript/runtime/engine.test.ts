import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  chunks,
  largestDifference,
  mediaInputs,
  record,
  tapAt,
  textInputs,
  tiny,
  tinyText,
  writeCheckpoint,
} from "../testing/tiny.ts";
import { TypeScriptEngine } from "./engine.ts";

const checkpoint = writeCheckpoint(tiny);
const whole = (length: number) => [{ name: "full", start: 0, end: length, cache: false }];
const faults = fileURLToPath(new URL("../testing/faults.ts", import.meta.url));

describe("self-consistency, window 8", () => {
  const inputs = textInputs([25, 14]);

  test.each([[1], [7], [8], [9], [25]])("chunks of %i tokens give the logits of one forward", async (size) => {
    const sizes = Array.from({ length: Math.ceil(25 / size) }, (_, i) => Math.min(size, 25 - i * size));
    const [full, chunked] = [
      await record(checkpoint, inputs, whole(25)),
      await record(checkpoint, inputs, chunks(...sizes)),
    ];
    const expected = tapAt(full, "full", "logits").values;
    let start = 0;
    for (const [index, length] of sizes.entries()) {
      const { values } = tapAt(chunked, `chunk:${index}`, "logits");
      for (const [row, padding] of [0, 11].entries()) {
        const from = Math.max(start, padding); // rows of padding see nothing and are not compared
        if (from >= start + length) continue;
        const rows = (all: ArrayLike<number>, first: number, width: number) =>
          Array.from(all).slice((row * width + first) * 193, (row * width + first + start + length - from) * 193);
        expect(largestDifference(rows(values, from - start, length), rows(expected, from, 25))).toBeLessThan(1e-5);
      }
      start += length;
    }
  });

  test("a padded sequence gives the logits of the sequence alone", async () => {
    const padded = await record(checkpoint, inputs, whole(25));
    const alone = new Map(
      [...inputs].map(([name, tensor]) => [name, { ...tensor, shape: [1, 14], bytes: tensor.bytes.slice(36 * 8) }]),
    );
    const { values } = tapAt(await record(checkpoint, alone, whole(14)), "full", "logits");
    const row = Array.from(tapAt(padded, "full", "logits").values).slice(36 * 193);
    expect(largestDifference(row, values)).toBeLessThan(1e-5);
  });
});

describe("taps", () => {
  test("come in execution order, a layer to a batch", async () => {
    const taps = await record(checkpoint, mediaInputs(), chunks(16));
    const layer = taps.filter(({ site }) => site.startsWith("model.language_model.layers.2"));
    expect(new Set(layer.map(({ batch }) => batch)).size).toBe(1);
    expect(layer.map(({ site }) => site.slice("model.language_model.layers.2".length))).toMatchInlineSnapshot(`
      [
        ":in",
        ".input_layernorm:in",
        ".input_layernorm:out",
        ".self_attn:in",
        ".self_attn.q_proj:in",
        ".self_attn.q_proj:out",
        ".self_attn.q_norm:in",
        ".self_attn.q_norm:out",
        ".self_attn#q_rope",
        ".self_attn.k_proj:in",
        ".self_attn.k_proj:out",
        ".self_attn.k_norm:in",
        ".self_attn.k_norm:out",
        ".self_attn.v_norm:in",
        ".self_attn.v_norm:out",
        ".self_attn#k_rope",
        ".self_attn#value",
        ".self_attn#scores",
        ".self_attn#mask",
        ".self_attn#probs",
        ".self_attn#context",
        ".self_attn.o_proj:in",
        ".self_attn.o_proj:out",
        ".self_attn:out",
        ".post_attention_layernorm:in",
        ".post_attention_layernorm:out",
        ".pre_feedforward_layernorm:in",
        ".pre_feedforward_layernorm:out",
        ".mlp:in",
        ".mlp.gate_proj:in",
        ".mlp.gate_proj:out",
        ".mlp.act_fn:in",
        ".mlp.act_fn:out",
        ".mlp.up_proj:in",
        ".mlp.up_proj:out",
        ".mlp.down_proj:in",
        ".mlp.down_proj:out",
        ".mlp:out",
        ".post_feedforward_layernorm:in",
        ".post_feedforward_layernorm:out",
        ":out",
      ]
    `);
    const [out, into] = [".input_layernorm:out", ".self_attn:in"].map((port) =>
      layer.find(({ site }) => site.endsWith(port)),
    );
    expect(out!.raw).toBe(into!.raw);
    expect(taps.at(-1)!.site).toBe("logits");
    expect(taps.map(({ site }) => site)).toEqual([...new Set(taps.map(({ site }) => site))]);
  });

  test("rotary tables are labelled by layer type", async () => {
    const taps = await record(checkpoint, textInputs([3]), whole(3), { sites: ["*rotary_emb:out*"] });
    expect(taps.map(({ site, shape }) => `${site} [${shape}]`)).toEqual([
      "model.language_model.rotary_emb:out@sliding_attention [1,3,14]",
      "model.language_model.rotary_emb:out.1@sliding_attention [1,3,14]",
      "model.language_model.rotary_emb:out@full_attention [1,3,20]",
      "model.language_model.rotary_emb:out.1@full_attention [1,3,20]",
    ]);
  });

  test("a cache holds window - 1 tokens of sliding layers, and nothing for layers that reuse keys", async () => {
    const taps = await record(checkpoint, textInputs([12]), chunks(12), { sites: ["cache.*.key"] });
    expect(taps.map(({ site, shape }) => `${site} [${shape}]`)).toEqual([
      "cache.0.key [1,2,7,14]",
      "cache.1.key [1,2,7,14]",
      "cache.2.key [1,1,12,20]",
      "cache.3.key [1,2,7,14]",
      "cache.4.key [1,1,12,20]",
    ]);
  });

  test("don't change the logits, and an empty list of sites is silent", async () => {
    const all = tapAt(await record(checkpoint, mediaInputs(), whole(16)), "full", "logits");
    const one = tapAt(await record(checkpoint, mediaInputs(), whole(16), { sites: ["logits"] }), "full", "logits");
    expect(one.raw.bytes).toEqual(all.raw.bytes);
    expect(await record(checkpoint, mediaInputs(), whole(16), { sites: [] })).toEqual([]);
  });
});

test("image tokens see the rest of their image in sliding layers, not in full ones, and only in the first phase", async () => {
  const taps = await record(checkpoint, mediaInputs(), chunks(14, 2), { sites: ["*#mask"] });
  const mask = (layer: number, q: number, k: number) =>
    tapAt(taps, "chunk:0", `model.language_model.layers.${layer}.self_attn#mask`).values[q * 14 + k];
  expect([mask(0, 2, 7), mask(2, 2, 7)]).toEqual([1, 0]);
  expect([mask(0, 9, 10), mask(0, 2, 8)]).toEqual([0, 0]); // audio and text stay causal
});

describe("faults", () => {
  const logits = async (fault?: string) => {
    const options = fault ? { fault: { module: faults, name: fault } } : {};
    return tapAt(await record(checkpoint, textInputs([6]), whole(6), options), "full", "logits").values;
  };

  test.each(["scaledScores", "onePlusWeight"])("%s changes the logits", async (fault) => {
    expect(largestDifference(await logits(fault), await logits())).toBeGreaterThan(1e-3);
  });

  test("a forward that can't go on says where", async () => {
    await expect(logits("oneHeadDim")).rejects.toMatchObject({
      code: -32603,
      data: { where: "model.language_model.layers.2.self_attn.o_proj:in", expected: "[1, 6, 80]", found: "[1, 6, 56]" },
    });
  });

  test("that are not there are refused", async () => {
    await expect(logits("nothing")).rejects.toThrow("the fault module has no fault nothing");
  });
});

describe("refused", () => {
  test("a token id outside of the vocabulary", async () => {
    const inputs = textInputs([3]);
    new BigInt64Array(inputs.get("input_ids")!.bytes.buffer)[1] = 193n;
    await expect(record(checkpoint, inputs, whole(3))).rejects.toMatchObject({ code: -32002, data: { found: "193" } });
  });

  test("a phase that leaves a gap", async () => {
    const gap = [...chunks(3), { name: "chunk:1", start: 4, end: 6, cache: true }];
    await expect(record(checkpoint, textInputs([6]), gap)).rejects.toThrow("phase chunk:1 can't run tokens [4, 6)");
  });

  test("an image without positions", async () => {
    const inputs = mediaInputs();
    inputs.delete("image_position_ids");
    await expect(record(checkpoint, inputs, whole(16))).rejects.toThrow("pixel_values with image_position_ids");
  });

  test("drawing, and runs before a load", async () => {
    const engine = new TypeScriptEngine();
    await expect(engine.load({ config: tiny, seed: 0, dtype: "float32" })).rejects.toMatchObject({ code: -32001 });
    expect(() => engine.configReads()).toThrow("no model is loaded");
  });
});

test("the text-only architecture runs, untied", async () => {
  const config = { ...tinyText, architectures: ["Gemma4UnifiedForCausalLM"], tie_word_embeddings: false };
  const taps = await record(writeCheckpoint(config), textInputs([9]), chunks(9));
  expect(taps.find(({ site }) => site === "model:in")!.raw.dtype).toBe("I64");
  expect(tapAt(taps, "chunk:0", "logits").shape).toEqual([1, 9, 193]);
});

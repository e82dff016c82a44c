import { describe, expect, it } from "vitest";
import type { RawTensor } from "../../trace/tensor.ts";
import { boolTensor, float32Tensor, int64Tensor, toNumbers } from "../../trace/tensor.ts";
import type { Inputs } from "../../case/case.ts";
import { defineCase, planPhases } from "../../case/case.ts";
import { shrinkLayers, shrinkParts, shrinkSizes, shrinkVocabulary } from "./config.ts";
import { shrinkMedia } from "./media.ts";
import { shrinkPhases, shrinkRows, shrinkTokens } from "./sequence.ts";
import type { Attempt, Shrinker, Subject } from "./subject.ts";
import { shrinkers } from "./steps.ts";

const row = (values: readonly number[]): RawTensor => int64Tensor(values, [1, values.length]);

function textSubject(length: number, phases: Subject["phases"]): Subject {
  const ids = Array.from({ length }, (_, index) => index + 10);
  return { config: {}, inputs: new Map([["input_ids", row(ids)]]), phases };
}

/** Runs a shrinker with a judge; returns what it ends with and all that it tried. */
function shrink(shrinker: Shrinker, subject: Subject, fails: (subject: Subject) => boolean) {
  const tried: Attempt[] = [];
  const search = shrinker(subject);
  let step = search.next();
  while (!step.done) {
    tried.push(step.value);
    step = search.next(fails(step.value.subject));
  }
  return { tried, smallest: step.value };
}

const numbers = (inputs: Inputs, name: string): number[] => [...toNumbers(inputs.get(name)!)];

describe("phases", () => {
  const phases = planPhases({ chunks: [4, 3], decode: 2, turn: 2, reuse: 5, full: true });
  const subject = textSubject(11, phases);

  it("every attempt is a case that can be defined", () => {
    for (const [fails, least] of [[() => true, 2] as const, [() => false, 6] as const]) {
      const { tried } = shrink(shrinkPhases, subject, fails);
      expect(tried.length).toBeGreaterThanOrEqual(least);
      for (const { subject: smaller } of tried)
        expect(() =>
          defineCase({ name: "a/b", title: "", config: {}, inputs: () => smaller.inputs, phases: smaller.phases }),
        ).not.toThrow();
    }
  });

  it("a phase that goes back to an earlier one needs no `from` when those between are gone", () => {
    const { smallest } = shrink(shrinkPhases, subject, ({ phases: left }) =>
      left.some(({ name }) => name === "reuse:1"),
    );
    expect(smallest.phases).toEqual([
      { name: "chunk:0", start: 0, end: 4, cache: true },
      { name: "reuse:1", start: 4, end: 9, cache: true },
    ]);
  });

  it("chunks are run as one where their number does not matter", () => {
    const { smallest } = shrink(shrinkPhases, subject, ({ phases: left }) =>
      left.some(({ end, cache }) => cache && end === 9),
    );
    expect(smallest.phases).toEqual([{ name: "chunk:0", start: 0, end: 9, cache: true }]);
  });
});

describe("tokens", () => {
  it("phases keep their own tokens; one that has lost all of them is gone", () => {
    const subject = textSubject(9, planPhases({ chunks: [4], decode: 3, full: true }));
    const keeps = (id: number) => (smaller: Subject) => numbers(smaller.inputs, "input_ids").includes(id);
    const { smallest } = shrink(shrinkTokens, subject, (smaller) => keeps(12)(smaller) && keeps(15)(smaller));
    expect(numbers(smallest.inputs, "input_ids")).toEqual([12, 15]);
    expect(smallest.phases).toEqual([
      { name: "prefill", start: 0, end: 1, cache: true },
      { name: "decode:2", start: 1, end: 2, cache: true },
      { name: "full", start: 0, end: 2, cache: false },
    ]);
  });

  it("what no phase reads goes first, and one token is left at least", () => {
    const subject = textSubject(9, planPhases({ chunks: [4], decode: 0, full: false }));
    const { tried, smallest } = shrink(shrinkTokens, subject, () => true);
    expect(tried[0]!.what).toBe("5 tokens that no phase reads");
    expect(numbers(smallest.inputs, "input_ids")).toHaveLength(1);
  });
});

/**
 * Text, an image of 3 patches and 1 of padding, text, an image of 2 patches and 2 of padding, text, a clip of 2 frames
 * and 1 of padding.
 */
function mediaSubject(): Subject {
  const types = [0, 1, 1, 1, 0, 1, 1, 0, 3, 3];
  const positions = [0, 0, 1, 0, 2, 0, -1, -1, 0, 0, 0, 1, -1, -1, -1, -1];
  return {
    config: {},
    inputs: new Map([
      ["input_ids", row(types.map((type, index) => (type === 0 ? index + 10 : type)))],
      ["mm_token_type_ids", row(types)],
      [
        "pixel_values",
        float32Tensor(
          Float32Array.from({ length: 16 }, (_, index) => index),
          [2, 4, 2],
        ),
      ],
      ["image_position_ids", int64Tensor(positions, [2, 4, 2])],
      ["input_features", float32Tensor(Float32Array.from([1, 2, 3, 4, 5, 6]), [1, 3, 2])],
      ["input_features_mask", boolTensor([1, 1, 0], [1, 3])],
    ]),
    phases: planPhases({ chunks: [10], decode: 0, full: false }),
  };
}

describe("media", () => {
  it("go with their tokens and tensors", () => {
    const { smallest } = shrink(shrinkMedia, mediaSubject(), ({ inputs }) => inputs.has("input_features"));
    expect([...smallest.inputs.keys()]).not.toContain("pixel_values");
    expect(numbers(smallest.inputs, "mm_token_type_ids")).toEqual([0, 0, 0, 3]);
    expect(smallest.inputs.get("input_features")!.shape).toEqual([1, 1, 2]);
    expect(numbers(smallest.inputs, "input_features_mask")).toEqual([1]);
    expect(smallest.phases).toEqual([{ name: "prefill", start: 0, end: 4, cache: true }]);
  });

  it("keep the first patches of each, and their padding, where it is needed", () => {
    const isPadded = ({ inputs }: Subject): boolean =>
      inputs.has("image_position_ids") && numbers(inputs, "image_position_ids").includes(-1);
    const { smallest } = shrink(shrinkMedia, mediaSubject(), isPadded);
    expect(smallest.inputs.get("pixel_values")!.shape).toEqual([1, 2, 2]);
    expect(numbers(smallest.inputs, "pixel_values")).toEqual([0, 1, 6, 7]);
    expect(numbers(smallest.inputs, "image_position_ids")).toEqual([0, 0, -1, -1]);
    expect(numbers(smallest.inputs, "mm_token_type_ids")).toEqual([0, 1, 0, 0]);
  });

  it("tokens and items stay one to one in every attempt", () => {
    for (const fails of [() => true, () => false])
      for (const { subject } of shrink(shrinkMedia, mediaSubject(), fails).tried) {
        const types = numbers(subject.inputs, "mm_token_type_ids");
        const positions = subject.inputs.has("image_position_ids") ? numbers(subject.inputs, "image_position_ids") : [];
        expect(types.filter((type) => type === 1)).toHaveLength(positions.filter((place) => place >= 0).length / 2);
      }
  });

  it("flat patches go with their grids", () => {
    const { inputs, ...rest } = mediaSubject();
    const flat = new Map(inputs);
    flat.delete("image_position_ids");
    flat.set(
      "pixel_values",
      float32Tensor(
        Float32Array.from({ length: 7 }, (_, index) => index),
        [7, 1],
      ),
    );
    flat.set("image_grid_thw", int64Tensor([1, 1, 3, 1, 2, 2], [2, 3]));
    const needsSecond = ({ inputs: left }: Subject): boolean =>
      left.has("pixel_values") && numbers(left, "pixel_values").includes(5);
    const { smallest } = shrink(shrinkMedia, { ...rest, inputs: flat }, needsSecond);
    expect(numbers(smallest.inputs, "pixel_values")).toEqual([3, 4, 5, 6]);
    expect(numbers(smallest.inputs, "image_grid_thw")).toEqual([1, 2, 2]);
    expect(numbers(smallest.inputs, "mm_token_type_ids").filter((type) => type === 1)).toHaveLength(2); // of the second
    const { smallest: none } = shrink(shrinkMedia, { ...rest, inputs: flat }, () => true);
    expect([...none.inputs.keys()]).toEqual(["input_ids", "mm_token_type_ids"]);
  });

  it("a row goes with its own media", () => {
    const { inputs, ...rest } = mediaSubject();
    const double = new Map(
      [...inputs].map(([name, { dtype, shape, bytes }]) => [
        name,
        { dtype, shape: [shape[0]! * 2, ...shape.slice(1)], bytes: new Uint8Array([...bytes, ...bytes]) },
      ]),
    );
    const { smallest } = shrink(shrinkRows, { ...rest, inputs: double }, () => true);
    expect(smallest.inputs).toEqual(inputs);
  });

  it("of a video with fewer frames the count of frames is smaller", () => {
    const inputs = new Map([
      ["input_ids", row([2, 9, 2, 9, 2])],
      ["mm_token_type_ids", row([2, 0, 2, 0, 2])],
      ["pixel_values_videos", float32Tensor(Float32Array.from([1, 2, 3]), [3, 1, 1])],
      ["video_position_ids", int64Tensor([0, 0, 0, 0, 0, 0], [3, 1, 2])],
      ["num_frames_per_video", int64Tensor([1, 2], [2])],
    ]);
    const subject = { config: {}, inputs, phases: planPhases({ chunks: [5], decode: 0, full: false }) };
    const { smallest } = shrink(
      shrinkMedia,
      subject,
      (smaller) =>
        smaller.inputs.has("pixel_values_videos") && numbers(smaller.inputs, "pixel_values_videos").includes(3),
    );
    expect(numbers(smallest.inputs, "pixel_values_videos")).toEqual([3]);
    expect(numbers(smallest.inputs, "num_frames_per_video")).toEqual([1]);
  });
});

describe("config", () => {
  const config = {
    text_config: {
      num_hidden_layers: 4,
      num_kv_shared_layers: 2,
      layer_types: ["a", "b", "a", "c"],
      hidden_size: 12,
      bos_token_id: 7,
      eos_token_id: [8, 9],
      vocab_size: 64,
    },
    audio_config: { num_hidden_layers: 2, feature_size: 6 },
    vision_config: { patch_size: 2 },
    image_token_id: 60,
  };
  const subject: Subject = {
    ...textSubject(3, planPhases({ chunks: [3], decode: 0, full: false })),
    config,
    inputs: new Map([
      ["input_ids", row([60, 20, 8])],
      ["input_features", float32Tensor(Float32Array.from([1, 2, 3, 4, 5, 6]), [1, 1, 6])],
    ]),
  };
  const part = (smaller: Subject, name: string) => smaller.config[name] as Record<string, unknown>;

  it("layers take their entries of per-layer lists along, of every tower by itself", () => {
    const { smallest } = shrink(shrinkLayers, subject, (smaller) =>
      (part(smaller, "text_config")["layer_types"] as string[]).includes("c"),
    );
    expect(part(smallest, "text_config")).toMatchObject({ num_hidden_layers: 1, layer_types: ["c"] });
    expect(part(smallest, "audio_config")["num_hidden_layers"]).toBe(1);
    expect(subject.config).toBe(config);
    expect(config.text_config.num_hidden_layers).toBe(4);
  });

  it("counters of layers stay, or shrink with the layers", () => {
    const { tried } = shrink(shrinkLayers, subject, () => false);
    const counters = tried
      .slice(0, 2)
      .map(({ subject: smaller }) => part(smaller, "text_config")["num_kv_shared_layers"]);
    expect(counters).toEqual([2, 0]);
  });

  it("sizes are halved with the input features of that size; ids and layers stay", () => {
    const { smallest } = shrink(
      shrinkSizes,
      subject,
      (smaller) => Number(part(smaller, "text_config")["hidden_size"]) >= 3,
    );
    expect(part(smallest, "text_config")).toMatchObject({
      hidden_size: 6,
      num_hidden_layers: 4,
      bos_token_id: 7,
      vocab_size: 64,
    });
    expect(part(smallest, "audio_config")["feature_size"]).toBe(1);
    expect(smallest.inputs.get("input_features")!.shape).toEqual([1, 1, 1]);
    expect(smallest.config["image_token_id"]).toBe(60);
  });

  it("a smaller vocabulary gives special tokens new ids, in the config and in the inputs", () => {
    const { smallest } = shrink(shrinkVocabulary, subject, () => true);
    expect(part(smallest, "text_config")).toMatchObject({ bos_token_id: 0, eos_token_id: [1, 2], vocab_size: 5 });
    expect(smallest.config["image_token_id"]).toBe(3);
    expect(numbers(smallest.inputs, "input_ids")).toEqual([3, 4, 1]);
  });

  it("towers that nothing needs are null, or gone where null is refused", () => {
    const { smallest } = shrink(shrinkParts, subject, (smaller) => smaller.config["vision_config"] !== null);
    expect(smallest.config).not.toHaveProperty("vision_config");
    expect(smallest.config).toHaveProperty("audio_config");
  });
});

it("with real weights the config stays as it is", () => {
  const all = shrinkers({ checkpoint: undefined });
  const ofCheckpoint = shrinkers({ checkpoint: "/models/x" });
  expect(ofCheckpoint).toContain(shrinkTokens);
  expect(all.filter((one) => !ofCheckpoint.includes(one))).toEqual([
    shrinkParts,
    shrinkLayers,
    shrinkSizes,
    shrinkVocabulary,
  ]);
});

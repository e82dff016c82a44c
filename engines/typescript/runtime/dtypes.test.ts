import { describe, expect, test } from "vitest";
import type { AnyTensor } from "../layers/context.ts";
import { roundAll } from "../tensor/rounding.ts";
import {
  chunks,
  largestDifference,
  mediaInputs,
  record,
  tapAt,
  tiny,
  writeCheckpoint,
  writeInputs,
} from "../testing/tiny.ts";
import { buildModel } from "./build.ts";
import { readWeights } from "./checkpoint.ts";
import { readInputs } from "./inputs.ts";
import { runPhase, startPhases } from "./phases.ts";
import { SiteTracer } from "./taps.ts";

const checkpoint = writeCheckpoint(tiny);
const phases = chunks(12, 3, 1);

describe.each([
  { dtype: "bfloat16", tapped: "BF16", ulp: 2 ** -8 },
  { dtype: "float16", tapped: "F16", ulp: 2 ** -11 },
] as const)("$dtype", ({ dtype, tapped, ulp }) => {
  test("every tap is of the dtype, but for positions, masks and media as the inputs have them", async () => {
    const taps = await record(checkpoint, mediaInputs(), phases, { dtype });
    const others = taps.filter(({ raw }) => raw.dtype !== tapped).map(({ site, raw }) => `${raw.dtype} ${site}`);
    expect([...new Set(others.map((text) => text.replace(/layers\.\d/, "layers.N")))]).toEqual([
      "I64 inputs#position_ids",
      "I64 model:in",
      "I64 model.language_model.embed_tokens:in",
      "F32 model.embed_vision:in",
      "F32 model.embed_audio:in",
      "BOOL model.language_model.layers.N.self_attn#mask",
    ]);
    for (const { raw, values } of taps) if (raw.dtype === tapped) expect(raw.bytes.length).toBe(2 * values.length);
  });

  test("no tensor holds a number that its dtype does not have", () => {
    const { tensors } = readWeights(checkpoint, (name) => name, { dtype: "F32" });
    const model = buildModel({ config: tiny, fault: null, weights: tensors, dtype: tapped });
    const inputs = readInputs(writeInputs(mediaInputs()), model.root.modalities, null);
    const unrounded = new Set<string>();
    let seen = 0;
    const check = (site: string, { data, dtype }: AnyTensor) => {
      if (dtype !== tapped) return;
      seen++;
      const values = data as Float32Array;
      const rounded = roundAll(values.slice(), dtype);
      if (values.some((value, i) => !Object.is(value, rounded[i]))) unrounded.add(site);
    };
    model.context.tracer = new SiteTracer(check, () => {});
    const state = startPhases([]);
    for (const phase of phases) runPhase(model.root, inputs, phase, state);
    expect(seen).toBeGreaterThan(500);
    expect([...unrounded]).toEqual([]);
  });

  test("logits are near those of float32, and not the same", async () => {
    const logits = async (dtype: "float32" | "bfloat16" | "float16") =>
      tapAt(await record(checkpoint, mediaInputs(), phases, { dtype }), "chunk:1", "logits").values;
    const difference = largestDifference(await logits(dtype), await logits("float32"));
    expect(difference).toBeGreaterThan(ulp / 4);
    expect(difference).toBeLessThan(100 * ulp);
  });
});

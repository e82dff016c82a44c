import { describe, expect, it } from "vitest";
import { int64Tensor, toNumbers } from "../trace/tensor.ts";
import { planPhases } from "../case/case.ts";
import { minimise } from "./search.ts";
import { shrinkers } from "./shrink/steps.ts";
import type { Attempt, Subject } from "./shrink/subject.ts";

/**
 * 20 tokens 100, 101, ... of a two-row batch, read in two chunks, three decode steps and one full forward; 6 layers.
 */
const subject: Subject = {
  config: {
    model_type: "x",
    pad_token_id: 0,
    text_config: {
      vocab_size: 500,
      hidden_size: 48,
      num_hidden_layers: 6,
      num_kv_shared_layers: 2,
      layer_types: ["s", "s", "f", "s", "s", "f"],
      rope_theta: 10_000,
    },
  },
  inputs: new Map([
    [
      "input_ids",
      int64Tensor(
        Array.from({ length: 40 }, (_, index) => 100 + index),
        [2, 20],
      ),
    ],
    ["attention_mask", int64Tensor(new Array<number>(40).fill(1), [2, 20])],
  ]),
  phases: planPhases({ chunks: [8, 9], decode: 3, full: true }),
};

const text = ({ config }: Subject) => config["text_config"] as Record<string, unknown>;
const ids = ({ inputs }: Subject): number[] => [...toNumbers(inputs.get("input_ids")!)];
const length = ({ inputs }: Subject): number => inputs.get("input_ids")!.shape[1]!;

/** Searches with a judge that costs nothing. */
async function search(fails: (subject: Subject) => boolean, isOver = (): boolean => false) {
  const run: Attempt[] = [];
  const result = await minimise(subject, {
    shrinkers: shrinkers({ checkpoint: undefined }),
    stillFails: async (attempt) => {
      run.push(attempt);
      return fails(attempt.subject);
    },
    isOver,
  });
  return { ...result, run };
}

describe("minimise", () => {
  it("shrinks what nothing depends on to next to nothing", async () => {
    const { subject: smallest, done } = await search(() => true);
    expect(done).toBe(true);
    expect(smallest.phases).toEqual([{ name: "chunk:0", start: 0, end: 1, cache: true }]);
    expect(ids(smallest)).toHaveLength(1);
    expect(text(smallest)).toMatchObject({ hidden_size: 1, num_hidden_layers: 1, num_kv_shared_layers: 0 });
    expect(text(smallest)["layer_types"]).toHaveLength(1);
    expect(text(smallest)).toMatchObject({ rope_theta: 10_000, vocab_size: 2 });
  });

  it("keeps what the failure needs: a decode step behind 5 tokens, a full layer behind another, 4 channels", async () => {
    const { subject: smallest } = await search(
      ({ phases, ...rest }) =>
        phases.some(({ start, end, cache }) => cache && start >= 5 && end === start + 1) &&
        (text({ phases, ...rest })["layer_types"] as string[]).indexOf("f") > 0 &&
        Number(text({ phases, ...rest })["hidden_size"]) >= 4,
    );
    expect(smallest.phases).toEqual([
      { name: "chunk:0", start: 0, end: 5, cache: true },
      { name: expect.any(String) as string, start: 5, end: 6, cache: true },
    ]);
    expect(length(smallest)).toBe(6);
    expect(text(smallest)).toMatchObject({ num_hidden_layers: 2, layer_types: ["s", "f"], hidden_size: 6 });
  });

  it("returns the subject itself when nothing smaller fails, having run nothing twice", async () => {
    const { subject: smallest, accepted, tried, run } = await search(() => false);
    expect(smallest).toBe(subject);
    expect({ accepted, tried }).toEqual({ accepted: 0, tried: run.length });
    const prints = run.map((attempt) =>
      JSON.stringify([attempt.subject.config, attempt.subject.phases, ids(attempt.subject)]),
    );
    expect(new Set(prints).size).toBe(run.length);
    expect(run.length).toBeGreaterThan(20);
  });

  it("stops when the time is up, with the smallest so far", async () => {
    let left = 4;
    const {
      subject: smallest,
      tried,
      done,
    } = await search(
      () => true,
      () => left-- === 0,
    );
    expect({ tried, done }).toEqual({ tried: 4, done: false });
    expect(smallest.phases.length).toBeLessThan(subject.phases.length);
  });

  it("never takes what was refused", async () => {
    const { run, subject: smallest } = await search((attempt) => length(attempt) % 2 === 0);
    expect(length(smallest) % 2).toBe(0);
    expect(run.some((attempt) => length(attempt.subject) % 2 === 1)).toBe(true);
  });
});

/**
 * A trained model in the TypeScript engine, on a text: its own tokenizer, every site, and what it says. `npm run
 * models` fetches the weights.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { runText } from "../../harness/run/text.ts";
import { livePool } from "../support/live.ts";
import { haveModels, realModel } from "./models.ts";

const folders = { float32: "smollm2-135m-instruct-f32", bfloat16: "smollm2-135m-instruct-bf16" } as const;
const there = haveModels(...Object.values(folders)) && existsSync(join(realModel(folders.float32), "tokenizer.json"));

describe.skipIf(livePool === null || !there)("SmolLM2-135M-Instruct in the TypeScript engine", () => {
  it.each([
    ["float32", "The capital of France is", false, /^ Paris/],
    ["bfloat16", "What is the capital of Italy? Answer in one word.", true, /Rome/],
  ] as const)("%s: %s", async (dtype, text, chat, answer) => {
    const request = { text, chat, newTokens: 8, decodeSteps: 4 };
    const verdict = await runText(livePool!, realModel(folders[dtype]), request, { engine: "typescript", dtype });
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    expect(verdict.coverage.compared).toBe(verdict.coverage.total);
    expect(verdict.text).toMatchObject({ status: "pass", difference: null });
    expect(verdict.text!.continuation!.expected).toMatch(answer);
    expect(verdict.text!.continuation!.found).toMatch(answer);
  });
});

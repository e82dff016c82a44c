/**
 * The corpus: tiny configs of some 150 architectures that PyTorch engines run, beyond those of the TypeScript engine.
 * `configs.json` holds them.
 */
import { readFileSync } from "node:fs";
import type { Case, CaseDefinition } from "../../../harness/case/case.ts";
import { defineCase, planPhases } from "../../../harness/case/case.ts";
import { inputsOf } from "./inputs.ts";

interface Entry {
  readonly config: Record<string, unknown>;
  /** The name of its inputs, and of its phases. */
  readonly inputs: string;
  readonly phases: string;
}

const entries = JSON.parse(readFileSync(new URL("configs.json", import.meta.url), "utf8")) as Record<string, Entry>;

type Phases = NonNullable<CaseDefinition["phases"]>;
const whole = (end: number): Phases => [{ name: "full", start: 0, end, cache: false }];
const prefill = (end: number): Phases => [{ name: "prefill", start: 0, end, cache: true }];

/** Tokens of each multimodal prompt, all but the last in the prefill. */
const lengths: Readonly<Record<string, number>> = {
  llava: 24,
  llava16: 24,
  qvl: 30,
  mllama: 12,
  internvl: 12,
  lfmvl: 16,
};

function phasesOf({ inputs, phases }: Entry): Phases {
  const plans: Readonly<Record<string, () => Phases>> = {
    chunked: () => planPhases({ chunks: [7, 3], decode: 1, full: true }),
    full: () => whole(11),
    whole: () => whole(11),
    long: () => whole(60),
    vis: () => whole(inputs === "clip" || inputs === "dec" ? 4 : 1),
    pre: () => prefill(11),
    pdec: () => planPhases({ chunks: [10], decode: 1, full: true }),
    s2s: () => planPhases({ chunks: [5, 3], decode: 0, full: true }),
    s2sfull: () => whole(8),
    s2spre: () => prefill(8),
    vl: () => planPhases({ chunks: [lengths[inputs]! - 1], decode: 1, full: true }),
  };
  return plans[phases]!();
}

/** The names of all of them. */
export const corpus: readonly string[] = Object.keys(entries);

/** The case of one of them. */
export function corpusCase(name: string): Case {
  const entry = entries[name]!;
  return defineCase({
    name: `${name}/corpus`,
    title: `a tiny ${name}`,
    config: entry.config,
    inputs: inputsOf[entry.inputs]!,
    phases: phasesOf(entry),
  });
}

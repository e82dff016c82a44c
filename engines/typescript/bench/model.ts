/**
 * A real model against `transformers` with eager attention, on the same threads: prefill, decode, and what tapping
 * every site costs.
 */
import type { Figure } from "../../../harness/bench/figures.ts";
import { spellTime } from "../../../harness/bench/figures.ts";
import type { PhaseSpec } from "../../../harness/engine/specs.ts";
import { noModalities } from "../layers/causal_model.ts";
import { loadCheckpoint } from "../runtime/load.ts";
import { runPhase, startPhases } from "../runtime/phases.ts";
import { TapRecorder } from "../runtime/taps.ts";
import { scratchIn } from "../tensor/scratch.ts";
import { indexTensor } from "../tensor/tensor.ts";
import { spellThreads } from "./kernels.ts";
import { againstTorch, median } from "./pairs.ts";
import type { Torch } from "./torch.ts";

const [prompt, total] = [128, 512];

/** `folder` holds a decoder's checkpoint; torch runs it in `dtype` too. */
export async function* benchModel(
  torch: Torch,
  folder: string,
  { dtype, threadCounts }: { dtype: "float32" | "bfloat16"; threadCounts: readonly number[] },
): AsyncGenerator<Figure> {
  const start = performance.now();
  const { model, store } = loadCheckpoint(folder, { dtype: dtype === "float32" ? "F32" : "BF16" });
  const { root, context } = model;
  const name = `SmolLM2-135M ${dtype}`;
  const bytes = `${(store!.bytes / 2 ** 20).toFixed(0)} MiB of weights`;
  yield { section: "model", what: `${name}: load`, value: spellTime(performance.now() - start), from: bytes };

  const inputs = {
    input_ids: indexTensor(
      [1, total],
      Int32Array.from({ length: total }, (_, i) => 100 + ((i * 7919) % 40_000)),
    ),
    attention_mask: indexTensor([1, total], new Int32Array(total).fill(1)),
    token_type_ids: null,
    mm_token_type_ids: null,
    modalities: noModalities,
  };
  let state = startPhases([]);
  const forward = (from: number, to: number): void => {
    const phase: PhaseSpec = { name: `to ${to}`, start: from, end: to, cache: true };
    scratchIn(store!.memory, () => runPhase(root, inputs, phase, state));
  };
  const prefill = (): void => {
    state = startPhases([]);
    forward(0, prompt);
  };
  for (const threads of threadCounts) {
    store!.threads = threads;
    while (!store!.memory.threads.ready) await new Promise((resolve) => setTimeout(resolve, 5));
    const request = { model: folder, dtype, threads };
    const row = (what: string) => ({ section: "model", what: `${name}: ${what}, ${spellThreads(threads)}` });
    yield await againstTorch(prefill, () => torch.time({ ...request, what: "prefill", times: 1 }), {
      ...row("prefill 128"),
      times: 1,
    });
    const steps = 4;
    const decode = (): void => {
      for (let i = 0; i < steps; i++) forward(state.length, state.length + 1);
    };
    yield await againstTorch(decode, () => torch.time({ ...request, what: "decode", times: steps }), {
      ...row("decode"),
      times: steps,
    });
  }

  const recorder = new TapRecorder(
    () => {},
    () => true,
  );
  const timed = (traced: boolean): number => {
    const before = performance.now();
    context.tracer = traced ? recorder.startPhase("prefill") : null;
    prefill();
    context.tracer = null;
    recorder.flush();
    return performance.now() - before;
  };
  const ratios = Array.from({ length: 7 }, () => {
    const silent = timed(false);
    return timed(true) / silent;
  });
  yield {
    section: "model",
    what: `${name}: all sites tapped`,
    value: `${median(ratios).toFixed(2)} x`,
    from: "prefill 128",
  };
  store!.close();
}

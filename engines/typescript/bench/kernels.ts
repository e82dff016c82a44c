/**
 * The kernels against torch's: 1.00 is as fast as torch. Arrays are where the engine has them in a forward, in the
 * kernels' memory.
 */
import type { Figure } from "../../../harness/bench/figures.ts";
import { drawUniform } from "../../../harness/trace/draw.ts";
import { activate, activations } from "../kernels/activations.ts";
import { mul_rows } from "../kernels/elementwise.ts";
import { linear } from "../kernels/linear.ts";
import { KernelMemory } from "../kernels/memory.ts";
import { rms_norm } from "../kernels/normalization.ts";
import { PackedHalves } from "../kernels/packed.ts";
import { softmax } from "../kernels/softmax.ts";
import { againstTorch } from "./pairs.ts";
import type { Torch } from "./torch.ts";

/** Runs of one measurement, so that it takes about 10 ms. */
interface Operation {
  readonly name: string;
  readonly torch: string;
  readonly times: number;
  readonly run: () => Float32Array;
}

/** The operations on arrays in `memory`. */
function operations(memory: KernelMemory): Operation[] {
  const place = (name: string, length: number): Float32Array => {
    const array = new Float32Array(memory.memory.buffer, memory.reserve(4 * length)!, length);
    array.set(drawUniform(0, name, length, 0, 1));
    return array;
  };
  const x = place("x", 128 * 2048);
  const w = place("w", 8192 * 2048);
  const weight = place("weight", 2048);
  const wide = place("wide", 128 * 8192);
  const bits = new Uint16Array(w.buffer, w.byteOffset, 2 * w.length);
  const halves = new Uint16Array(memory.memory.buffer, memory.reserve(2 * w.length)!, w.length);
  for (let i = 0; i < halves.length; i++) halves[i] = bits[2 * i + 1]!;
  const packed = new PackedHalves(halves, "BF16");
  const [row, square] = [x.subarray(0, 2048), w.subarray(0, 2048 * 2048)];
  const tall = { rows: 128, inner: 2048, columns: 2048 };
  const flat = { rows: 1, inner: 2048, columns: 8192 };
  const norm = () => mul_rows(rms_norm(x, 2048, 1e-6), weight);
  return [
    { name: "GEMM 128 x 2048 x 2048", torch: "gemm", times: 1, run: () => linear(x, square, null, tall) },
    { name: "GEMV 1 x 2048 x 8192", torch: "gemv", times: 10, run: () => linear(row, w, null, flat) },
    { name: "GEMV, bfloat16 weights", torch: "gemv_bf16", times: 10, run: () => linear(row, packed, null, flat) },
    { name: "RMS norm 128 x 2048, as the modeling file", torch: "rmsnorm_modeling", times: 30, run: norm },
    { name: "RMS norm 128 x 2048, F.rms_norm", torch: "rmsnorm", times: 30, run: norm },
    { name: "softmax 1152 x 512", torch: "softmax", times: 10, run: () => softmax(wide.subarray(0, 1152 * 512), 512) },
    { name: "GELU (erf) 128 x 8192", torch: "gelu", times: 5, run: () => activate(wide, activations.gelu) },
  ];
}

/** A figure for each operation and number of threads. */
export async function* benchKernels(torch: Torch, threadCounts: readonly number[]): AsyncGenerator<Figure> {
  const memory = new KernelMemory();
  const all = operations(memory);
  const empty = new Float32Array(0);
  for (const threads of threadCounts) {
    memory.threads.count = threads;
    while (!memory.threads.ready) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const { name, torch: what, times, run } of all) {
      const ours = (): void => {
        for (let i = 0; i < times; i++) memory.scratch(run, () => empty);
      };
      const from = () => torch.time({ what, threads, times });
      yield await againstTorch(ours, from, { section: "kernel", what: `${name}, ${spellThreads(threads)}`, times });
    }
  }
  memory.threads.close();
}

/** `1 thread`, `2 threads`. */
export function spellThreads(threads: number): string {
  return threads === 1 ? "1 thread" : `${threads} threads`;
}

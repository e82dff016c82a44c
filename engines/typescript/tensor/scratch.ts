import type { KernelMemory } from "../kernels/memory.ts";
import { keep, openScratch } from "../kernels/memory.ts";
import type { Tensor } from "./tensor.ts";
import { floatTensor } from "./tensor.ts";

/**
 * Runs `compute`, a step that hands on one tensor and whatever caches keep. In a forward that keeps its tensors in the
 * kernels' memory, everything else that the step made is gone afterwards; elsewhere it just runs.
 */
export function scratch(compute: () => Tensor): Tensor {
  const memory = openScratch();
  return memory === null ? compute() : scratchIn(memory, compute);
}

/** Runs `compute` with all its tensors in `memory`, but for the one that it returns. */
export function scratchIn(memory: KernelMemory, compute: () => Tensor): Tensor {
  const { result, numbers } = memory.scratch(compute, ({ data }) => data!);
  return floatTensor(result.shape, numbers, result.dtype);
}

/** `tensor` as one that outlives the step that made it: itself, or a copy. For what caches keep. */
export function outlive(tensor: Tensor): Tensor {
  const { storage, shape, dtype } = tensor;
  return storage instanceof Float32Array ? floatTensor(shape, keep(storage), dtype) : tensor;
}

import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { viewBytes } from "../../../harness/trace/tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The tensors of these names that `weights` has, as a checkpoint of their dtypes would store them. */
export function loadedTensors(
  weights: ReadonlyMap<string, Tensor>,
  names: readonly string[],
): ReadonlyMap<string, RawTensor> {
  return new Map(
    names.flatMap((name): [string, RawTensor][] => {
      const tensor = weights.get(name);
      return tensor?.data
        ? [[name, { dtype: tensor.dtype, shape: tensor.shape, bytes: stored(tensor, tensor.data) }]]
        : [];
    }),
  );
}

/** The numbers in their dtype's own width; they are rounded to it already. */
function stored({ dtype }: Tensor, data: Float32Array): Uint8Array {
  switch (dtype) {
    case "F32":
      return viewBytes(data);
    case "F16":
      return viewBytes(Float16Array.from(data));
    case "BF16":
      return viewBytes(
        Uint16Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length), (bits) => bits >>> 16),
      );
  }
}

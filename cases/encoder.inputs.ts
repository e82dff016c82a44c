/** The common parts of the cases of text encoders: one forward without a cache, and tokens of several segments. */
import type { CaseDefinition } from "../harness/case/case.ts";
import { streamKey, uniformBits } from "../harness/trace/draw.ts";
import { elementCount, int64Tensor } from "../harness/trace/tensor.ts";
import { decoderInputs } from "./decoder.inputs.ts";

/** One forward of all tokens: an encoder keeps no cache. */
export function wholePhase(end: number): NonNullable<CaseDefinition["phases"]> {
  return [{ name: "full", start: 0, end, cache: false }];
}

/** A batch with a segment for each token, drawn from the seed. */
export function segmentInputs(lengths: readonly number[], segments: number): CaseDefinition["inputs"] {
  return (seed) => {
    const inputs = decoderInputs(lengths)(seed);
    const { shape } = inputs.get("input_ids")!;
    const key = streamKey(seed, "token_type_ids");
    const types = Array.from({ length: elementCount(shape) }, (_, i) => uniformBits(key, i) % segments);
    return new Map([...inputs, ["token_type_ids", int64Tensor(types, shape)]]);
  };
}

import type { ModalityInputs } from "../layers/causal_model.ts";
import { noModalities } from "../layers/causal_model.ts";
import type { KernelMemory } from "../kernels/memory.ts";
import { scratchIn } from "../tensor/scratch.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexTensor } from "../tensor/tensor.ts";
import type { LoadedModel } from "./build.ts";
import type { ModelInputs } from "./inputs.ts";
import { runPhase, startPhases } from "./phases.ts";
import type { Sampling } from "./sampling.ts";
import { chooser } from "./sampling.ts";

/** Options of `generate`. */
export interface GenerateOptions {
  /** Most tokens to generate. */
  readonly max_new_tokens: number;
  /** Tokens that end the text; they are the last that is handed out. */
  readonly eos_token_ids: readonly number[];
  /** The rule that draws the next token; null for the likeliest one. */
  readonly sampling: Sampling | null;
  /** The memory that tensors are kept in during a forward; null for ordinary arrays. */
  readonly memory: KernelMemory | null;
  /** Inputs beside the prompt, which the first forward reads: the features of speech. Default: none. */
  readonly modalities?: ModalityInputs;
}

/**
 * Continues `prompt`, token by token as they are found: the prompt in one forward, then one forward a token. All
 * tensors of a forward but the logits of its last token live in the kernels' memory, so that a step allocates no arrays
 * that grow with the model.
 * @throws RangeError for an empty prompt.
 */
export function* generate(
  { root }: LoadedModel,
  prompt: readonly number[],
  options: GenerateOptions,
): Generator<number> {
  if (prompt.length === 0) throw new RangeError("a prompt of no tokens can't be continued: give at least one token id");
  const choose = chooser(options.sampling);
  const ids = new Int32Array(prompt.length + options.max_new_tokens);
  ids.set(prompt);
  const ones = new Int32Array(ids.length).fill(1);
  const state = { ...startPhases([]), cache: root.create_cache() };
  const forward = (start: number, end: number): Tensor => {
    const inputs: ModelInputs = {
      input_ids: indexTensor([1, end], ids.subarray(0, end)),
      attention_mask: indexTensor([1, end], ones.subarray(0, end)),
      token_type_ids: null,
      mm_token_type_ids: null,
      modalities: options.modalities ?? noModalities,
      logits_to_keep: 1,
    };
    const step = (): Tensor => runPhase(root, inputs, { name: `token ${end}`, start, end, cache: true }, state);
    return options.memory === null ? step() : scratchIn(options.memory, step);
  };
  let start = 0;
  for (let end = prompt.length; end < ids.length; end++) {
    const logits = forward(start, end);
    const token = choose(logits.data!.subarray(-logits.size(-1)), end - prompt.length);
    yield token;
    if (options.eos_token_ids.includes(token)) return;
    ids[end] = token;
    start = end;
  }
}

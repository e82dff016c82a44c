import { EngineError } from "../../../harness/engine/implementation.ts";
import type { PhaseSpec } from "../../../harness/engine/specs.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";
import type { RootModel } from "../layers/causal_model.ts";
import { noModalities } from "../layers/causal_model.ts";
import type { CacheState, KVCache } from "../layers/kv_cache.ts";
import type { Tracer } from "../layers/context.ts";
import { slice } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { ModelInputs } from "./inputs.ts";

/** The state that phases hand on: one cache for all phases with `cache`. */
export interface PhaseState {
  cache: KVCache | null;
  /** Tokens that the phases with `cache` have run, by their own account. */
  length: number;
  /** The cache after phases that a later phase names in `from`. */
  readonly saved: Map<string, Pick<PhaseState, "length"> & { readonly cache: CacheState }>;
  readonly keep: ReadonlySet<string | undefined>;
}

/** The state before the first of `phases`. */
export function startPhases(phases: readonly PhaseSpec[]): PhaseState {
  return { cache: null, length: 0, saved: new Map(), keep: new Set(phases.map(({ from }) => from)) };
}

/**
 * Runs one phase and taps positions, caches and logits beside what the model taps. Returns the logits [B, S,
 * vocabulary].
 * @throws EngineError `badInput` when the slice does not fit the inputs or does not continue the cache.
 */
export function runPhase(model: RootModel, inputs: ModelInputs, phase: PhaseSpec, state: PhaseState): Tensor {
  const tracer = model.context.tracer;
  const first = !phase.cache || phase.start === 0;
  const cache = phase.cache ? (state.cache ??= model.create_cache()) : null;
  if (!first && cache === null) throw keepsNoCache(model, phase);
  if (phase.from !== undefined) goBack(phase, state);
  checkPhase(phase, inputs.input_ids.size(1), cache ? state.length : phase.start);

  const positions = model.create_position_ids(inputs.attention_mask, {
    ...inputs.modalities,
    mm_token_type_ids: inputs.mm_token_type_ids,
    is_first_iteration: first,
  });
  const input_ids = slice<Int32Array, IndexTensor>(inputs.input_ids, 1, phase.start, phase.end);
  const position_ids = slice<Int32Array, IndexTensor>(positions, 1, phase.start, phase.end);
  tracer?.tap("inputs#position_ids", position_ids);
  const ofPhase = (types: IndexTensor | null) =>
    first && types ? slice<Int32Array, IndexTensor>(types, 1, phase.start, phase.end) : null;
  const attention_masks = model.create_masks_for_generate({
    batch_size: input_ids.size(0),
    q_length: input_ids.size(1),
    attention_mask: slice<Int32Array, IndexTensor>(inputs.attention_mask, 1, cache ? 0 : phase.start, phase.end),
    cache,
    mm_token_type_ids: ofPhase(inputs.mm_token_type_ids),
    token_type_ids: ofPhase(inputs.token_type_ids),
  });
  const modalities = first ? inputs.modalities : noModalities;
  const token_type_ids = ofPhase(inputs.token_type_ids);
  const wanted = inputs.logits_to_keep === undefined ? {} : { logits_to_keep: inputs.logits_to_keep };
  const common = { position_ids, token_type_ids, attention_masks, cache, ...wanted };
  const logits = model.forward(input_ids, { ...modalities, ...common });
  if (tracer !== null && cache !== null) tapCaches(cache, tracer);
  tracer?.tap("logits", logits);
  if (cache !== null) state.length = phase.end;
  if (cache !== null && state.keep.has(phase.name))
    state.saved.set(phase.name, { length: state.length, cache: cache.save() });
  return logits;
}

function keepsNoCache({ type }: RootModel, { name, start }: PhaseSpec): EngineError {
  return new EngineError(errorCodes.unsupported, `${type} keeps no KV cache`, {
    expected: "phases that start at token 0, or without cache",
    found: `phase ${name}, which starts at ${start}`,
    where: `phase ${name}`,
  });
}

function goBack({ name, from, cache }: PhaseSpec, state: PhaseState): void {
  const saved = cache ? state.saved.get(from!) : undefined;
  if (saved === undefined)
    throw new EngineError(errorCodes.badInput, `phase ${name} can't continue phase ${from}`, {
      expected: "an earlier phase with cache",
      found: cache ? "no such phase before it" : "a phase without cache",
      where: `phase ${name}, from`,
    });
  state.length = saved.length;
  state.cache!.restore(saved.cache);
}

function tapCaches(cache: KVCache, tracer: Tracer): void {
  for (const [name, tensor] of cache.tensors()) tracer.tap(`cache.${name}`, tensor);
}

function checkPhase({ name, start, end }: PhaseSpec, length: number, expectedStart: number): void {
  if (start === expectedStart && start < end && end <= length) return;
  throw new EngineError(errorCodes.badInput, `phase ${name} can't run tokens [${start}, ${end})`, {
    expected: `a slice that starts at ${expectedStart} and ends by ${length}`,
    found: `[${start}, ${end})`,
    where: `phase ${name}`,
    remedy: "phases with a cache continue where the one before, or the one named in `from`, ended",
  });
}

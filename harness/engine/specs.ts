/** The parts that messages of the protocol are made of: tensors, modules, phases, plans, faults. */
import { z } from "zod";

const size = z.int().nonnegative();
const shape = z.array(size);

/** A named tensor of a model's state dict. `tied_to` names the tensor whose storage it shares. */
export const tensorSpec = z.strictObject({
  name: z.string(),
  shape,
  dtype: z.string(),
  tied_to: z.string().optional(),
});

/** A module of the model's tree, in registration order; the root has the path "". */
export const moduleSpec = z.strictObject({ path: z.string(), type: z.string() });

/** One read of a config field: which module (dotted path) read it, and the field's path in the config. */
export const configRead = z.strictObject({ scope: z.string(), field: z.string() });

const phaseName = z.string().regex(/^[a-z_]+(:\d+)?$/);

/**
 * A slice [start, end) of the input tokens that is run as one forward; `cache: false` is a forward without KV cache.
 */
export const phaseSpec = z.strictObject({
  name: phaseName,
  start: size,
  end: size,
  cache: z.boolean(),
  /**
   * An earlier phase with cache: this one continues the cache as it was right after that one (capability `fork`), not
   * the latest.
   */
  from: phaseName.optional(),
});

/** The number of tokens and bytes that a KV cache of a given budget holds, per kind of layer. */
export const kvPlan = z.strictObject({
  budget_bytes: size,
  /** Longest sequence the dummy forward was run at. */
  max_length: size,
  /** Tokens of one sequence that fit in the budget (at most `max_length`). */
  tokens: size,
  kinds: z.array(
    z.strictObject({
      kind: z.string(),
      layers: size,
      bytes_per_token: size,
      /** Tokens one sequence of `tokens` keeps in each layer of this kind. */
      tokens_kept: size,
      bytes: size,
    }),
  ),
});

/** A code change applied to the engine's own model: a module file and the name of its export. For self-tests. */
export const faultSpec = z.strictObject({ module: z.string(), name: z.string() });

export type TensorSpec = z.infer<typeof tensorSpec>;
export type ModuleSpec = z.infer<typeof moduleSpec>;
export type ConfigRead = z.infer<typeof configRead>;
export type PhaseSpec = z.infer<typeof phaseSpec>;
export type KvPlan = z.infer<typeof kvPlan>;
export type FaultSpec = z.infer<typeof faultSpec>;

/**
 * The wire protocol between harness and engine: JSON-RPC 2.0, one message a line, on stdio. docs/protocol.md explains
 * it; `docs/protocol.schema.json` is generated from these schemas.
 */
import { z } from "zod";
import { changed, changedWithFacts, need } from "../verdict/change.ts";
import { outline } from "./outline.ts";
import { tensorSpec, moduleSpec, configRead, phaseSpec, kvPlan, faultSpec } from "./specs.ts";
import { computeDtypeNames } from "../trace/dtypes.ts";

/** Bumped when an old engine could misread a new harness. */
export const protocolVersion = 1;

/** Longest accepted line in bytes; tensors never travel in messages. */
export const maxMessageBytes = 64 * 1024 * 1024;

const computeDtype = z.enum(computeDtypeNames);
const size = z.int().nonnegative();
const shape = z.array(size);
const jsonObject = z.record(z.string(), z.unknown());

const empty = z.strictObject({});

/** Requests that the harness sends: parameters and result of each method. */
export const methods = {
  hello: {
    params: z.strictObject({ protocol: z.int(), spool: z.string(), cache: z.string() }),
    result: z.strictObject({
      protocol: z.int(),
      name: z.string(),
      version: z.string(),
      versions: z.record(z.string(), z.string()).default({}),
      /**
       * What the engine's results depend on beside its command line. Absent, or empty, it is not known: no night takes
       * a result of an earlier one.
       */
      depends: z
        .strictObject({
          /** Files and folders, absolute or from where the engine was started: the harness hashes them. */
          files: z.array(z.string()).default([]),
          /** Installed packages and their versions, or any other text that changes when they do. */
          packages: z.record(z.string(), z.string()).default({}),
        })
        .optional(),
      capabilities: z.strictObject({
        dtypes: z.array(computeDtype),
        /** Can list shapes from a config alone. */
        shapes: z.boolean(),
        /** Keeps a KV cache between phases (else only `prefill` and `full`). */
        cache: z.boolean(),
        /** Can go back to the cache as it was after an earlier phase (`from`), as prefix caching does. */
        fork: z.boolean().default(false),
        /** Can draw a checkpoint from a config and a seed. */
        build: z.boolean(),
        /** Can run in float64 as the oracle. */
        oracle: z.boolean(),
        /** Can run with every module's inputs taken from another engine's run. */
        replay: z.boolean(),
        /** Can search for the change of itself that gives what another engine had at a site. */
        explain: z.boolean().default(false),
        /** Has the checkpoint's tokenizer, and continues a text (`tokenize`, `generate`). */
        text: z.boolean().default(false),
        /** Gives checksums and values of its loaded tensors, as it computes with them (`tensors`). */
        tensors: z.boolean().default(false),
      }),
    }),
  },
  load: {
    params: z.strictObject({
      /** A checkpoint directory with config.json and safetensors... */
      checkpoint: z.string().optional(),
      /** ...or a config from which the checkpoint is drawn with `seed` (capability `build`). */
      config: jsonObject.optional(),
      seed: z.int().nonnegative().optional(),
      dtype: computeDtype,
      fault: faultSpec.optional(),
      /** Asks for a KV-cache plan. */
      kv_budget_bytes: size.optional(),
    }),
    result: z.strictObject({
      checkpoint: z.string(),
      modules: z.array(moduleSpec),
      tensors: z.array(tensorSpec),
      /** SHA-256 over the checkpoint's tensors, see docs/protocol.md; absent when the engine does not know. */
      weights_sha256: z.string().optional(),
      /** Of a checkpoint that was in the cache but not as it was drawn: what was wrong with it. It was drawn again. */
      redrawn: z.string().optional(),
      kv_plan: kvPlan.optional(),
    }),
  },
  run: {
    params: z.strictObject({
      run: z.string(),
      /** A safetensors file with `input_ids`, `attention_mask` and the modality tensors. */
      inputs: z.string(),
      phases: z.array(phaseSpec).min(1),
      /** Only sites that match one of these patterns (`*` any characters); all when absent. */
      sites: z.array(z.string()).optional(),
      oracle: z.boolean(),
      /**
       * Replays an engine's run (capability `replay`): every module works on what `feed` notifications bring of the
       * engine.
       */
      replay: z.boolean().default(false),
      /**
       * Random errors on the tensors of sites, each in proportion to its size: noise over magnitude. Asked of the
       * reference alone, to see how far it amplifies rounding.
       */
      perturb: z
        .strictObject({
          seed: size,
          noise: z.array(z.strictObject({ site: z.string(), phase: z.string(), relative: z.number() })),
        })
        .optional(),
      /** The calls that a replaying run keeps for `explain`: those that lead to these sites (capability `explain`). */
      explain: z.array(z.strictObject({ site: z.string(), phase: z.string() })).optional(),
      credits: z.int().positive(),
    }),
    result: z.strictObject({ run: z.string(), batches: size, taps: size }),
  },
  shapes: {
    params: z.strictObject({ config: jsonObject, inputs: z.string(), fault: faultSpec.optional() }),
    result: z.strictObject({
      sites: z.array(z.strictObject({ site: z.string(), shape, dtype: z.string() })),
      modules: z.array(moduleSpec),
      tensors: z.array(tensorSpec),
      /** The site at which the engine's forward stopped; absent when it went through. */
      stop: z
        .strictObject({ site: z.string(), message: z.string(), found: shape.optional(), expected: shape.optional() })
        .optional(),
      config_reads: z.array(configRead),
    }),
  },
  explain: {
    params: z.strictObject({
      site: z.string(),
      /** The search is made in the first; what it finds is computed in all. */
      phases: z.array(z.string()).min(1),
      /** Longest time to search. */
      seconds: z.number().positive(),
    }),
    result: z.strictObject({
      /** Counterfactuals that were tried. */
      tried: size,
      /** The nearest ones, nearest first. */
      candidates: z.array(
        z.strictObject({
          ...changedWithFacts,
          /** Other changes that give the same numbers here. */
          synonyms: z.array(z.strictObject(changed)),
          /**
           * The factor on the inputs that would tell it from the first candidate; null for the first, and when none was
           * found.
           */
          apart: z.number().positive().nullable(),
          /** Places in `phases` for which the file holds its tensors. */
          phases: z.array(size),
        }),
      ),
      phases: z.array(z.string()),
      /**
       * A safetensors file in the spool directory, null when nothing could be tried; the harness deletes it.
       * `engine.<phase>`, and for each candidate `reference.<candidate>.<phase>` and `oracle.<candidate>.<phase>`, by
       * their places; under the candidate `unchanged` the null control, the call as it is, made again as candidates are.
       */
      file: z.string().nullable(),
    }),
  },
  power: {
    params: z.strictObject({ site: z.string(), phases: z.array(z.string()).min(1), limit: z.number().positive() }),
    result: z.strictObject({
      /**
       * Likely changes of the reference at the site, each with the phase that shows it best and its distance there in
       * noise units.
       */
      changes: z.array(
        z.strictObject({
          /** `id` is the same for the same change in other layers, cases and versions of the reference. */
          ...changed,
          /** Properties that the inputs must have for the change to show. */
          needs: z.array(need),
          ratio: z.number(),
          phase: z.string(),
        }),
      ),
    }),
  },
  /** Asks for the loaded tensors themselves: some act only through a choice, and no activation shows them. */
  tensors: {
    params: z.strictObject({ names: z.array(z.string()), values: z.boolean().default(false) }),
    result: z.strictObject({
      /**
       * SHA-256 of each tensor's numbers, row-major, little-endian, in this dtype; those that the engine does not keep as
       * the checkpoint has them are left out.
       */
      checksums: z.array(z.strictObject({ name: z.string(), dtype: z.string(), sha256: z.string() })),
      /** With `values`: a safetensors file of the spool that holds them by name; the harness deletes it. */
      file: z.string().nullable(),
    }),
  },
  tokenize: {
    params: z.strictObject({
      checkpoint: z.string(),
      text: z.string(),
      /** Puts the text into the checkpoint's chat template, as the user's first message. */
      chat: z.boolean().default(false),
    }),
    result: z.strictObject({
      ids: z.array(size),
      /** The token of each id, as the vocabulary spells it. */
      tokens: z.array(z.string()),
    }),
  },
  generate: {
    params: z.strictObject({ ids: z.array(size).min(1), max_new_tokens: z.int().positive() }),
    result: z.strictObject({
      /** The likeliest next tokens of the loaded model, one after the other, up to an end token. */
      ids: z.array(size),
      /** The text of these ids. */
      text: z.string(),
    }),
  },
  /**
   * Returns the outline of an architecture, from which `lockstep new` writes the skeleton of a port; asked of the
   * reference alone.
   */
  outline: {
    params: z.strictObject({
      model_type: z.string(),
      architecture: z.string().optional(),
      /** Fields of the tiny config that the model is built from. */
      config: jsonObject.optional(),
    }),
    result: outline,
  },
  config_reads: { params: empty, result: z.strictObject({ reads: z.array(configRead) }) },
  unload: { params: empty, result: empty },
  shutdown: { params: empty, result: empty },
} as const;

export type Method = keyof typeof methods;
export type Params<M extends Method> = z.input<(typeof methods)[M]["params"]>;
export type Result<M extends Method> = z.infer<(typeof methods)[M]["result"]>;

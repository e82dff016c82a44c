import { z } from "zod";
import { engineIdentity } from "../../verdict/schema.ts";

/** Bumped when the meaning of a golden changes. */
export const goldenVersion = 2;

/** One site of the reference in one phase. */
export interface GoldenSite {
  readonly site: string;
  readonly phase: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** The oracle's rms and largest magnitude, and the reference's noise; absent for tensors that must be bit-equal. */
  readonly rms?: number;
  readonly max?: number;
  readonly noise?: number;
  /** Projection of the oracle's tensor. */
  readonly projection?: Float64Array;
  /** Checksum of a tensor that must be bit-equal: 16 hexadecimal digits. */
  readonly checksum?: string;
}

/** The first line of a golden. */
export const goldenHead = z.strictObject({
  golden: z.literal(goldenVersion),
  case: z.string(),
  seed: z.int(),
  dtype: z.literal("float32"),
  reference: engineIdentity,
  generator: z.int(),
  /** SHA-256 of config, weights, inputs and phases. */
  checksums: z.strictObject({ config: z.string(), weights: z.string(), inputs: z.string(), phases: z.string() }),
});

/** The recorded reference of one case. */
export interface Golden extends z.infer<typeof goldenHead> {
  /** The checkpoint's tensors, from which it is drawn again. */
  readonly tensors: readonly (readonly [string, readonly number[]])[];
  readonly sites: readonly GoldenSite[];
}

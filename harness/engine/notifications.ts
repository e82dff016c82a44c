/** What engine and harness tell one another without being asked, and what an error holds. */
import { z } from "zod";

const size = z.int().nonnegative();

/** Notifications: engine to harness. */
export const tapsNotification = z.strictObject({
  run: z.string(),
  phase: z.string(),
  /** Counts from 0 within the run. */
  batch: size,
  /** A safetensors file in the spool directory; the harness deletes it after reading. */
  file: z.string(),
  /**
   * Sites in execution order; several may name the same tensor of the file. `noise`, of the reference's float64 runs
   * alone, is a tensor of the same shape: how far healthy ways of making each element lie apart, beside rounding.
   */
  taps: z.array(z.strictObject({ site: z.string(), tensor: z.string(), noise: z.string().optional() })),
});

/** Notifications: harness to engine. */
export const creditNotification = z.strictObject({ run: z.string(), credits: z.int().positive() });
/**
 * A batch of another engine's taps for a replaying run, or null when there are no more. The reader deletes the file.
 */
export const feedNotification = z.strictObject({
  run: z.string(),
  batch: tapsNotification.omit({ run: true }).nullable(),
});
export const cancelNotification = z.strictObject({ run: z.string() });

/** The `data` of a JSON-RPC error: what was expected, what was found, where, and what to do. */
export const errorData = z.strictObject({
  expected: z.string().optional(),
  found: z.string().optional(),
  where: z.string().optional(),
  remedy: z.string().optional(),
});

/** The `error` of an answer. */
export const remoteErrorSchema = z.looseObject({ code: z.int(), message: z.string(), data: z.unknown().optional() });

/** JSON-RPC error codes of this protocol, beyond the standard -32700 .. -32603. */
export const errorCodes = {
  unsupported: -32001, // the engine does not implement this architecture, dtype or feature
  badInput: -32002, // a file or value that the caller must mend
  cancelled: -32003,
  environment: -32004, // the engine can't work on this machine: a package is missing, or can't be imported
  internal: -32603,
} as const;

export type TapsNotification = z.infer<typeof tapsNotification>;
export type ErrorData = z.infer<typeof errorData>;

import type { EngineProcess } from "../engine/process.ts";
import { EngineFailure } from "../trace/errors.ts";
import type { Side } from "./pairing.ts";

/**
 * What the reference could not do: no engine is at fault. What it refuses, or stops at, is a matter of the case; a
 * process that broke is one of the machine.
 */
export class ReferenceFailure extends Error {
  override readonly name = "ReferenceFailure";
  override readonly cause: EngineFailure;
  readonly kind: "usage" | "environment";
  constructor(cause: EngineFailure) {
    super(
      cause.refusal === undefined
        ? `the reference broke: ${cause.message}`
        : `the reference does not run this: ${cause.refusal}`,
    );
    this.cause = cause;
    this.kind = cause.refusal === undefined ? "environment" : "usage";
  }
}

/**
 * Waits for work of the reference.
 * @throws ReferenceFailure in place of an EngineFailure.
 */
export async function ofReference<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof EngineFailure ? new ReferenceFailure(error) : error;
  }
}

/**
 * Finds out whose matter a failed comparison is, by the side whose run failed. A case that stops an engine's forward may
 * stop the reference's at the same place: then it is no fault of the engine. A replay, which works on the engine's
 * tensors, is the reference's matter only where the reference stops without them.
 */
export async function blame(
  error: unknown,
  { side, reference, run }: { side: Side; reference: EngineProcess; run: Parameters<EngineProcess["run"]>[0] },
): Promise<unknown> {
  if (!(error instanceof EngineFailure)) return error;
  const broke = error.refusal === undefined;
  if (side === "reference" || side === "oracle" || (broke && side !== "engine")) return new ReferenceFailure(error);
  if (broke) return error;
  try {
    for (const oracle of [false, true]) for await (const _ of reference.run({ ...run, oracle, sites: [] }));
    return error;
  } catch (own) {
    return own instanceof EngineFailure ? new ReferenceFailure(own) : error;
  }
}

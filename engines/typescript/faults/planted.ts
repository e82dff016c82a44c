import type { Fault } from "../fault.ts";

/** A known porting bug together with what the harness must say of it. */
export interface PlantedFault extends Fault {
  /** The case whose inputs reach it. */
  readonly case: string;
  /** The site where it must be found: what the fault itself computes, not where it shows later. */
  readonly at: string;
  /** The phase in which it must first be found, where that is not the case's first one. */
  readonly phase?: string;
}

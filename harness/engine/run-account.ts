/** The account of one run: what its engine may send next. Pure. */
import { clip } from "./lines.ts";
import type { Params, Result } from "./protocol.ts";
import type { TapsNotification } from "./notifications.ts";

/** The most that one run may send: ten times what the largest models do; an engine that goes on for ever is stopped. */
const most = { batches: 100_000, taps: 1_000_000 } as const;

/** Counts a run's batches. Its functions return what is wrong, null where nothing is. */
export interface Account {
  /** Enters a batch: it must have been paid for, be the next one, and be of the phase that runs or of a later one. */
  enter(batch: TapsNotification): string | null;
  /** Adds one credit. */
  grant(): void;
  /** Compares the engine's result with what it has sent. */
  close(result: Result<"run">): string | null;
}

/** Opens the account of a run with the credits that its request gives. */
export function openAccount({ run, phases, credits: first }: Params<"run">): Account {
  const names = phases.map(({ name }) => name);
  let [credits, batches, taps, place] = [first, 0, 0, 0];
  return {
    enter({ batch, phase, taps: own }) {
      if (batch !== batches) return `sent batch ${batch} of run ${run}, expected batch ${batches}`;
      if (credits === 0)
        return `sent batch ${batch} of run ${run} without a credit: expected at most ${first} that are not read`;
      const found = names.indexOf(phase);
      if (found < 0) return `sent a batch of phase ${clip(JSON.stringify(phase), 80)}, expected ${names.join(", ")}`;
      if (found < place) return `sent a batch of phase ${phase} after one of ${names[place]}`;
      [credits, batches, taps, place] = [credits - 1, batches + 1, taps + own.length, found];
      if (batches > most.batches || taps > most.taps)
        return `sends without end: expected at most ${most.batches} batches and ${most.taps} sites in a run`;
      return null;
    },
    grant: () => void credits++,
    close(result) {
      if (result.run !== run) return `ended run ${clip(JSON.stringify(result.run), 80)} in answer to run ${run}`;
      if (result.batches === batches && result.taps === taps) return null;
      return `says that run ${run} had ${result.batches} batches and ${result.taps} sites, sent ${batches} and ${taps}`;
    },
  };
}

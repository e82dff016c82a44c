import { Bench } from "tinybench";

/** One line of the output. */
export interface Figure {
  readonly section: string;
  readonly what: string;
  /** Value and unit, already spelled: `1.84 GB/s`. */
  readonly value: string;
  /** The measurements that the figure was computed from. */
  readonly from?: string;
}

/** The time that one figure takes: at least `runs` runs, and at least `time` ms. */
export interface Effort {
  readonly time: number;
  readonly runs: number;
}

/** Median duration of `run` in ms, after one run to warm up. @throws what `run` throws. */
export async function medianOf(run: () => unknown, { time, runs }: Effort = { time: 300, runs: 5 }): Promise<number> {
  const bench = new Bench({ time, iterations: runs, warmupIterations: 1, warmupTime: 0, throws: true });
  bench.add("run", async () => void (await run()));
  const [task] = await bench.run();
  if (task?.result.state !== "completed")
    throw new Error(`expected a completed benchmark, found ${task?.result.state}`);
  return task.result.latency.p50;
}

/**
 * Median durations in ms of runs that are compared with each other. They take turns, so that whatever else the machine
 * does falls on all of them; the first round is to warm up.
 */
export async function mediansInTurn(runs: readonly (() => Promise<unknown>)[], rounds: number): Promise<number[]> {
  const times = runs.map((): number[] => []);
  for (let round = 0; round <= rounds; round++)
    for (const [index, run] of runs.entries()) {
      const start = performance.now();
      await run();
      if (round > 0) times[index]!.push(performance.now() - start);
    }
  return times.map((all) => all.toSorted((a, b) => a - b)[all.length >> 1]!);
}

/** `1.84 GB/s`, from bytes and ms. */
export function perSecond(bytes: number, milliseconds: number): string {
  const rate = bytes / milliseconds / 1e6;
  return rate >= 1 ? `${rate.toFixed(2)} GB/s` : `${(rate * 1000).toFixed(0)} MB/s`;
}

/** `8.4 ms`. */
export function spellTime(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : 0)} ms`;
}

/** `120 MB`. */
export function spellBytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

/** A figure as one line with columns of fixed width. */
export function line({ section, what, value, from = "" }: Figure): string {
  return `${section.padEnd(12)}${what.padEnd(44)}${value.padStart(14)}   ${from}`.trimEnd();
}

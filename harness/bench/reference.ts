import { linkSync } from "node:fs";
import { join } from "node:path";
import type { EngineProcess, TapStream } from "../engine/process.ts";
import type { TapsNotification } from "../engine/notifications.ts";
import { createSpool, removeSpool } from "../engine/spool.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { writeInputs } from "../case/inputs-file.ts";
import type { Figure } from "./figures.ts";
import { mediansInTurn, spellTime } from "./figures.ts";

const rounds = 3;
const nothing = ["no site is called this"];

/**
 * Measures the cost of capture and of replay to the reference, as ratios to the same phases with no site asked for
 * (hooks in place, nothing kept). All runs go through the protocol, so that copying, writing and reading of the taps is
 * part of the cost.
 */
export async function* benchReference(pool: EnginePool, testCase: Case, name: string): AsyncGenerator<Figure> {
  const reference = await pool.reference();
  const weights = testCase.checkpoint ? { checkpoint: testCase.checkpoint } : { config: testCase.config, seed: 0 };
  await pool.load(reference, { ...weights, dtype: "float32" });
  const run = { inputs: writeInputs(testCase.inputs(0)).path, phases: testCase.phases, oracle: false };
  const folder = createSpool();
  try {
    const batches = await record(reference, run, folder);
    const medians = await mediansInTurn(
      [
        () => drain(reference.run({ ...run, sites: nothing })),
        () => drain(reference.run(run)),
        () => drain(replayed(reference, run, batches)),
      ],
      rounds,
    );
    const [plain, capture, replay] = medians as [number, number, number];
    const taps = batches.reduce((total, batch) => total + batch.taps.length, 0);
    const figure = (what: string, median: number, from: string): Figure => ({
      section: "reference",
      what: `${name}: ${what}`,
      value: `${(median / plain).toFixed(2)} x`,
      from: `${spellTime(median)}${from}`,
    });
    yield figure("no site", plain, "");
    yield figure("capture", capture, `, ${taps.toLocaleString("en-US")} taps`);
    yield figure("replay", replay, "");
  } finally {
    removeSpool(folder);
  }
}

type Run = Parameters<EngineProcess["run"]>[0];

/** One run, its batch files kept in `folder`. */
async function record(engine: EngineProcess, run: Run, folder: string): Promise<TapsNotification[]> {
  const batches: TapsNotification[] = [];
  const keep = (batch: TapsNotification): void => {
    const file = join(folder, `${batch.batch}.safetensors`);
    linkSync(batch.file, file);
    batches.push({ ...batch, file });
  };
  await drain(engine.run(run, keep));
  return batches;
}

function replayed(reference: EngineProcess, run: Run, batches: readonly TapsNotification[]): TapStream {
  const { feed, stream } = reference.replay(run);
  for (const batch of batches) feed.add(batch);
  feed.end();
  return stream;
}

async function drain(stream: TapStream): Promise<void> {
  while (!(await stream.next()).done);
}

import { join } from "node:path";
import { measure } from "../compare/distance.ts";
import { createSpool, removeSpool } from "../engine/spool.ts";
import { project, projectionSizes } from "../golden/format/sketch.ts";
import { drawUniform } from "../trace/draw.ts";
import { machineEpsilon } from "../trace/dtypes.ts";
import { readSafetensorsIndex, readTensor, writeSafetensors } from "../trace/safetensors.ts";
import { float32Tensor } from "../trace/tensor.ts";
import type { Figure } from "./figures.ts";
import { medianOf, perSecond, spellTime } from "./figures.ts";

/** Rows and columns, up to the hidden states of a large model. */
const shapes = [
  [100, 100],
  [1000, 1000],
  [2500, 4000],
] as const;

/** `measure()` on one core: bytes of engine, reference (float32) and oracle (float64) read. */
export async function* benchComparison(): AsyncGenerator<Figure> {
  for (const [rows, columns] of shapes) {
    const count = rows * columns;
    const draw = (name: string, size: number): Float32Array => drawUniform(0, name, count, -size, size);
    const oracle = Float64Array.from(draw("oracle", 1));
    const noisy = (name: string): Float32Array =>
      draw(name, machineEpsilon.F32).map((noise, index) => noise + oracle[index]!);
    const [engine, reference] = [noisy("engine"), noisy("reference")];
    const median = await medianOf(() => measure({ engine, reference, oracle, columns, dtype: "F32" }));
    const bytes = engine.byteLength + reference.byteLength + oracle.byteLength;
    yield {
      section: "comparison",
      what: `measure() of ${count.toExponential(0).replace("+", "")} elements [${rows}, ${columns}]`,
      value: perSecond(bytes, median),
      from: spellTime(median),
    };
  }
}

/** The golden's projection: bytes of float32 read. */
export async function* benchProjection(): AsyncGenerator<Figure> {
  const values = drawUniform(0, "projection", 200_000, -1, 1);
  for (const size of [projectionSizes.first, projectionSizes.later]) {
    const median = await medianOf(() => project(values, size));
    yield {
      section: "golden",
      what: `projection to ${size} numbers`,
      value: perSecond(values.byteLength, median),
      from: spellTime(median),
    };
  }
}

/** A batch of taps read from the spool: 40 tensors of 1 MB. */
export async function* benchSpool(): AsyncGenerator<Figure> {
  const folder = createSpool();
  try {
    const file = join(folder, "batch.safetensors");
    const tensor = float32Tensor(drawUniform(0, "spool", 250_000, -1, 1), [250, 1000]);
    writeSafetensors(file, new Map(Array.from({ length: 40 }, (_, index) => [`${index}`, tensor])));
    const median = await medianOf(() =>
      [...readSafetensorsIndex(file).entries.values()].map((entry) => readTensor(entry)),
    );
    yield {
      section: "spool",
      what: "safetensors batch of 40 tensors",
      value: perSecond(40 * tensor.bytes.byteLength, median),
      from: spellTime(median),
    };
  } finally {
    removeSpool(folder);
  }
}

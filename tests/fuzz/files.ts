/** Safetensors files with something wrong: each is read, or refused in a sentence that blames its sender. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSpoolFile } from "../../harness/engine/spool.ts";
import { drawUniform } from "../../harness/trace/draw.ts";
import { EngineFailure } from "../../harness/trace/errors.ts";

/** The counts of a fuzz stage, and what went wrong: nothing should. */
export interface Stage {
  readonly accepted: number;
  readonly refused: number;
  readonly problems: readonly string[];
}

/** A source of numbers that is the same for the same seed and place. */
export function numbersOf(seed: number, place: number) {
  const draws = drawUniform(seed, `fuzz.${place}`, 64, 0, 1);
  let used = 0;
  const next = (): number => draws[used++ % draws.length]!;
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(all: readonly T[]): T => all[below(all.length)]!;
  return { next, below, pick };
}

type Numbers = ReturnType<typeof numbersOf>;

const strangeNumbers = [0, -1, 1.5, 4, 8, 2 ** 31, 2 ** 53, 1e308, null, "4", [], {}];

/** The header of a file with one float32 number, one of its fields perhaps wrong, or something else. */
function header({ pick, below }: Numbers): unknown {
  const entry = () => {
    const wrong = pick(["", "", "dtype", "shape", "offsets"]);
    return {
      dtype: wrong === "dtype" ? pick(["I64", "BF16", "F33", null, 7, "constructor"]) : "F32",
      shape:
        wrong === "shape"
          ? pick<unknown>([[2, 0], [], [2 ** 40, 2 ** 40], [-1], [1.5], "1", null, [pick(strangeNumbers)]])
          : [1],
      data_offsets:
        wrong === "offsets" ? pick<unknown>([[4, 8], [0, 8], [8, 0], [0], null, [0, pick(strangeNumbers)]]) : [0, 4],
    };
  };
  const names = ["t0", "t1", "", "__metadata__", "__proto__", "a\0b", "x".repeat(1000)];
  const many = Object.fromEntries(Array.from({ length: below(4) }, () => [pick(names), pick([entry(), null, 3, []])]));
  const others = [many, [], null, 7, "text", { __metadata__: { a: pick(strangeNumbers) } }];
  return pick<unknown>([{ t0: entry() }, { t0: entry() }, { t0: entry() }, pick<unknown>(others)]);
}

/** The bytes of one file. */
function fileOf(numbers: Numbers): Buffer {
  const { below, pick, next } = numbers;
  const text = Buffer.from(JSON.stringify(header(numbers)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(pick([...Array<number>(9).fill(text.length), 0, 7, 1e8, 2 ** 52])));
  const file = Buffer.concat([size, text, Buffer.alloc(pick([4, 4, 4, 4, 4, 8, 0, 5, 64]))]);
  for (let flips = pick([0, 0, 0, 1, 2, 5]); flips > 0; flips--) file[below(file.length)] = below(256);
  return next() < 0.1 ? file.subarray(0, below(file.length)) : file;
}

/** Reads `count` files, those of `seed`, in the spool directory `spool`. */
export function fuzzFiles({ seed, count, spool }: { seed: number; count: number; spool: string }): Stage {
  const problems: string[] = [];
  let [accepted, refused] = [0, 0];
  for (let place = 0; place < count; place++) {
    const file = join(spool, `${place}.safetensors`);
    writeFileSync(file, fileOf(numbersOf(seed, place)));
    try {
      using opened = openSpoolFile(spool, file, "the sender");
      opened.take();
      accepted++;
    } catch (error) {
      refused++;
      const { message } = error as Error;
      if (!(error instanceof EngineFailure) || !message.startsWith("the sender: ") || message.length > 2000)
        problems.push(`file ${place}: ${String(error).slice(0, 300)}`);
    }
  }
  return { accepted, refused, problems };
}

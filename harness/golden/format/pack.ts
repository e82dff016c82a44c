import { z } from "zod";
import { reader, toPlanes } from "./columns.ts";
import { fromCode, toCode } from "./scale.ts";
import { quantise, restore } from "./sketch.ts";
import type { Golden, GoldenSite } from "./schema.ts";

/**
 * The values of a tensor as a golden keeps them. Sites that hold the same tensor (a module's input is another's output)
 * share one.
 */
type Sketch = Pick<GoldenSite, "rms" | "max" | "noise" | "projection" | "checksum">;

const forms = { checksum: 0, quantised: 1, float64: 2 } as const;

const namedShapes = z.array(z.tuple([z.string(), z.array(z.int())]));

/** Names, phases and kinds of tensors, each once. */
const tables = z.strictObject({
  tensors: namedShapes,
  names: z.array(z.string()),
  phases: z.array(z.string()),
  kinds: z.array(z.tuple([z.string(), z.array(z.int())])),
  sites: z.int(),
  sketches: z.int(),
});

/**
 * Tensors and sites as bytes: the tables as JSON, then columns: of each site the places of its name, phase, kind and
 * sketch; of each sketch its form, statistics and numbers, and the numbers of all. Numbers are whole multiples of 1/4
 * of the noise unit where that fits into 32 bits, else float64.
 */
export function packSites({ tensors, sites }: Pick<Golden, "tensors" | "sites">): Uint8Array {
  const [names, phases, kinds, sketches] = [places<string>(), places<string>(), places<string>(), places<Packed>()];
  const columns = sites.map(({ site, phase, shape, dtype, ...sketch }) => {
    const packed = packSketch(sketch);
    return [
      names.of(site, site),
      phases.of(phase, phase),
      kinds.of(`${dtype} ${shape}`, JSON.stringify([dtype, shape])),
      sketches.of(packed.key, packed),
    ];
  });
  const json = Buffer.from(
    JSON.stringify({
      tensors,
      names: names.all,
      phases: phases.all,
      kinds: kinds.all.map((kind) => JSON.parse(kind) as unknown),
      sites: sites.length,
      sketches: sketches.all.length,
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const all = sketches.all;
  const integers = Int32Array.from(all.flatMap(({ integers: own }) => [...own]));
  return Buffer.concat([
    length,
    json,
    ...[0, 1, 2, 3].map((column) => toPlanes(columns.map((row) => row[column]!), 4)),
    toPlanes(all.map(({ form }) => form), 1),
    ...(["rms", "max", "noise"] as const).map((name) => toPlanes(all.map((packed) => packed[name]), 2)),
    toPlanes(all.map(({ size }) => size), 2),
    ...all.map(({ checksum }) => checksum),
    toPlanes(integers, 4),
    ...all.map(({ floats }) => floats),
  ]);
}

/** Reads what `packSites` wrote; sites of one sketch share its projection. @throws Error for anything else. */
export function unpackSites(payload: Uint8Array): Pick<Golden, "tensors" | "sites"> {
  const rest = reader(payload);
  const length = Buffer.from(rest.take(4)).readUInt32LE();
  const table = tables.parse(JSON.parse(Buffer.from(rest.take(length)).toString()));
  const [names, phases, kinds, sketchOf] = [0, 1, 2, 3].map(() => rest.planes(table.sites, 4));
  const form = rest.planes(table.sketches, 1);
  const [rms, max, noise] = [0, 1, 2].map(() => rest.planes(table.sketches, 2));
  const sizes = rest.planes(table.sketches, 2);
  const each = <T>(make: (place: number) => T): T[] => Array.from(form, (_, place) => make(place));
  const checksums = each((place) => (form[place] === forms.checksum ? Buffer.from(rest.take(8)).toString("hex") : ""));
  const count = (wanted: number): number =>
    each((place) => (form[place] === wanted ? sizes[place]! : 0)).reduce((total, size) => total + size, 0);
  const integers = new Int32Array(rest.planes(count(forms.quantised), 4).buffer);
  let used = 0;
  const sketches = each((place): Sketch => {
    const statistics = {
      ...given("rms", fromCode(rms![place]!)),
      ...given("max", fromCode(max![place]!)),
      ...given("noise", fromCode(noise![place]!)),
    };
    const size = sizes[place]!;
    if (form[place] === forms.checksum) return { ...statistics, checksum: checksums[place]! };
    if (form[place] === forms.float64) return { ...statistics, projection: floatsOf(rest.take(8 * size)) };
    const own = integers.subarray(used, (used += size));
    return { ...statistics, projection: restore(own, statistics.noise ?? 0) };
  });
  rest.end();
  const sites = Array.from(names!, (name, place): GoldenSite => {
    const [dtype, shape] = table.kinds[kinds![place]!]!;
    const site = { site: table.names[name]!, phase: table.phases[phases![place]!]!, shape, dtype };
    return { ...site, ...sketches[sketchOf![place]!]! };
  });
  return { tensors: table.tensors, sites };
}

interface Packed {
  readonly key: string;
  readonly form: number;
  readonly rms: number;
  readonly max: number;
  readonly noise: number;
  readonly size: number;
  readonly checksum: Uint8Array;
  readonly integers: Int32Array;
  readonly floats: Uint8Array;
}

const nothing = new Uint8Array(0);

function packSketch({ rms, max, noise, projection, checksum }: Sketch): Packed {
  const codes = { rms: toCode(rms), max: toCode(max), noise: toCode(noise) };
  const integers = projection && quantise(projection, fromCode(codes.noise) ?? 0);
  const floats = projection && !integers ? bytesOf(projection) : nothing;
  const packed = {
    ...codes,
    form: projection === undefined ? forms.checksum : integers ? forms.quantised : forms.float64,
    size: projection?.length ?? 0,
    checksum: projection === undefined ? Buffer.from(checksum ?? "".padStart(16, "0"), "hex") : nothing,
    integers: integers ?? new Int32Array(0),
    floats,
  };
  const key = `${Object.values(codes).join()} ${checksum ?? ""} ${packed.integers.join()} ${Buffer.from(floats).toString("hex")}`;
  return { ...packed, key };
}

function bytesOf(numbers: Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function floatsOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(Uint8Array.from(bytes).buffer); // a copy, as the bytes may begin anywhere
}

/** An absent statistic is no field at all. */
function given<K extends string>(name: K, value: number | undefined): Partial<Record<K, number>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, number>);
}

/** A list without repetitions: `of` gives the place of an entry, new or known. */
function places<T>() {
  const known = new Map<string, number>();
  const all: T[] = [];
  const of = (key: string, entry: T): number => {
    const place = known.get(key) ?? all.push(entry) - 1;
    known.set(key, place);
    return place;
  };
  return { all, of };
}

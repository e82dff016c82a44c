import { parseSite } from "../trace/site.ts";
import type { Site } from "../trace/site.ts";
import type { Triple } from "./distance.ts";

/**
 * Where in a tensor an error lives, one sentence for each axis along which only some indices are wrong: "tokens 8..18 of 19", "head 2 of 4", "every 2nd
 * channel of 14". Empty when the error is everywhere. An index is wrong when the rms error over all that has it is above `limit` times the noise.
 */
export function whereabouts(
  site: Site,
  shape: readonly number[],
  { engine, oracle }: Pick<Triple, "engine" | "oracle">,
  { noise, limit }: { noise: number; limit: number },
): string[] {
  return shape.flatMap((size, axis) => {
    if (size < 2) return [];
    const energy = new Float64Array(size);
    const stride = shape.slice(axis + 1).reduce((product, other) => product * other, 1);
    for (let index = 0; index < oracle.length; index++) {
      const difference = engine[index]! - oracle[index]!;
      energy[Math.floor(index / stride) % size]! += Number.isFinite(difference)
        ? difference * difference
        : Number.MAX_VALUE;
    }
    const share = oracle.length / size;
    const wrong = [...energy.keys()].filter((index) => Math.sqrt(energy[index]! / share) > limit * noise);
    return wrong.length === 0 || wrong.length === size
      ? []
      : [describeIndices(wrong, size, axisName(site, shape.length, axis))];
  });
}

/** What an axis of a site runs over; docs/protocol.md has the shapes. */
export function axisName(site: Site, rank: number, axis: number): string {
  const { functional, module } = parseSite(site);
  const names: Record<string, readonly string[]> = {
    q_rope: ["sequence", "head", "token", "channel"],
    k_rope: ["sequence", "head", "token", "channel"],
    value: ["sequence", "head", "token", "channel"],
    scores: ["sequence", "head", "query", "key"],
    probs: ["sequence", "head", "query", "key"],
    context: ["sequence", "token", "head", "channel"],
    cache: ["sequence", "head", "token", "channel"],
  };
  const known = names[module.startsWith("cache.") ? "cache" : (functional ?? "")];
  if (known?.length === rank) return known[axis]!;
  if (axis === rank - 1) return "channel";
  return ["sequence", "token", "head"][axis] ?? `axis ${axis}`;
}

function describeIndices(wrong: readonly number[], size: number, name: string): string {
  const [first, last] = [wrong[0]!, wrong.at(-1)!];
  if (wrong.length === 1) return `${name} ${first} of ${size}`;
  if (last - first + 1 === wrong.length) {
    if (last === size - 1)
      return size === 2 * wrong.length ? `upper half of ${size} ${name}s` : `${name}s from ${first} on, of ${size}`;
    if (first === 0)
      return size === 2 * wrong.length ? `lower half of ${size} ${name}s` : `${name}s before ${last + 1}, of ${size}`;
    return `${name}s ${first}..${last} of ${size}`;
  }
  const step = wrong[1]! - first;
  if (wrong.length > 2 && wrong.every((index, place) => index === first + place * step))
    return `every ${step}. ${name} of ${size}, from ${first}`;
  return `${wrong.length} of ${size} ${name}s`;
}

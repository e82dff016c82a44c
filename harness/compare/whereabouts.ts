import { axisName } from "../trace/functional-sites.ts";
import type { Site } from "../trace/site.ts";
import type { Region } from "../verdict/site.ts";
import type { Triple } from "./distance.ts";

/**
 * Locates an error in a tensor: one region for each axis along which only some indices are wrong. Empty when the error
 * is everywhere. An index is wrong when the rms error over all elements that have it is above `limit` times the noise.
 */
export function whereabouts(
  site: Site,
  shape: readonly number[],
  { engine, oracle }: Pick<Triple, "engine" | "oracle">,
  { noise, limit }: { noise: number; limit: number },
): Region[] {
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
      : [{ axis: axisName(site, shape.length, axis), size, ...spanOf(wrong) }];
  });
}

function spanOf(indices: readonly number[]): Omit<Region, "axis" | "size"> {
  const [first, last] = [indices[0]!, indices.at(-1)!];
  const step = indices.length < 2 ? 1 : indices[1]! - first;
  const isRegular = indices.every((index, place) => index === first + place * step);
  return { count: indices.length, first, last, step: isRegular ? step : null };
}

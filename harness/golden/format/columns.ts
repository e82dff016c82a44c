/**
 * Columns of numbers as bytes that compress well: all lowest bytes first, then the next ones, so that what is alike
 * stands together.
 */

/** Whole numbers below 2^32 in `width` byte planes. */
export function toPlanes(numbers: ArrayLike<number>, width: number): Uint8Array {
  const bytes = new Uint8Array(numbers.length * width);
  for (let plane = 0; plane < width; plane++)
    for (let index = 0; index < numbers.length; index++)
      bytes[plane * numbers.length + index] = (numbers[index]! >>> (8 * plane)) & 255;
  return bytes;
}

/** Reads what `toPlanes` wrote: `count` numbers, unsigned. */
export function fromPlanes(bytes: Uint8Array, count: number, width: number): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let plane = 0; plane < width; plane++)
    for (let index = 0; index < count; index++)
      numbers[index]! |= bytes[plane * count + index]! << (8 * plane);
  return numbers;
}

/** Reads bytes one part after the other. `end` throws when there are any left. */
export function reader(bytes: Uint8Array) {
  let place = 0;
  const take = (length: number): Uint8Array => {
    if (place + length > bytes.length)
      throw new Error(`expected ${length} more bytes at ${place}, found ${bytes.length - place}`);
    place += length;
    return bytes.subarray(place - length, place);
  };
  return {
    take,
    planes: (count: number, width: number): Uint32Array => fromPlanes(take(count * width), count, width),
    end(): void {
      if (place !== bytes.length) throw new Error(`expected ${place} bytes, found ${bytes.length}`);
    },
  };
}

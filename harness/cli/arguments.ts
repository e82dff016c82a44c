import { UsageError } from "../trace/errors.ts";

const units: Record<string, number> = {
  "": 1,
  B: 1,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** `4GiB`, `512 MiB`, `1e9` in bytes. @throws UsageError */
export function parseBytes(text: string): number {
  const match = /^([\d.]+(?:e\d+)?)\s*([kmgt]?i?b?)$/i.exec(text.trim());
  const unit = units[match?.[2]?.toUpperCase() ?? "?"];
  const bytes = match && unit !== undefined ? Math.floor(Number(match[1]) * unit) : Number.NaN;
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw new UsageError(`expected a size such as 4GiB or 512MiB, found ${JSON.stringify(text)}`);
  return bytes;
}

/** A whole number of at least 0. @throws UsageError */
export function parseWhole(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new UsageError(`expected a whole number, found ${JSON.stringify(text)}`);
  return value;
}

/** A number above 0, in noise units. @throws UsageError */
export function parseRatio(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new UsageError(`expected a number above 0, found ${JSON.stringify(text)}`);
  return value;
}

/** Token ids separated by commas. @throws UsageError */
export function parseIds(text: string): number[] {
  return text.split(",").map((id) => parseWhole(id.trim()));
}

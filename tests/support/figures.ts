/**
 * Figures that another healthy machine does not reproduce: a ratio depends on the processor, the BLAS and the threads
 * that made the noise it is measured in.
 */
import { defaultLimit } from "../../harness/run/live.ts";

/** Ratios in units of noise, as they are printed. */
const ratio = /\b(\d[\d,]*(?:\.\d+)?)x(?= noise\b)/g;
const nearness = /(?<=x noise from the reference, )(\d[\d,]*(?:\.\d+)?)x(?= from the reference with)/g;

/** A text with each ratio as what it means: below the limit or above, and nothing said of how far. */
export function withoutRatios(text: string): string {
  const meaning = (_: string, digits: string): string =>
    Number(digits.replaceAll(",", "")) <= defaultLimit ? "[healthy]x" : "[failing]x";
  return text.replaceAll(nearness, meaning).replaceAll(ratio, meaning);
}

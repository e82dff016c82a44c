/** The way back from the embedded form to verdicts, run in the page. */
import type { Distance, SiteVerdict, Status, Verdict } from "../../verdict/schema.ts";
import type { PackedDistances, PackedDocument, PackedVerdict } from "./packed.ts";

const statusOf: Readonly<Record<string, Status>> = { p: "pass", f: "fail", u: "unknown", e: "error" };

/** The text table of a document. */
export function unpackTexts(coded: PackedDocument["texts"]): string[] {
  const texts: string[] = [];
  let previous = "";
  for (let position = 0; position < coded.length; position += 2) {
    previous = previous.slice(0, Number(coded[position])) + String(coded[position + 1]);
    texts.push(previous);
  }
  return texts;
}

function unpackDistance(columns: PackedDistances["columns"], row: number): Distance {
  const [
    ratio = 0,
    rowIndex = -1,
    rowRatio = 0,
    column = -1,
    columnRatio = 0,
    error = -1,
    noise = 0,
    rms = 0,
    max = -1,
  ] = columns.map((values) => values[row]);
  return {
    ratio,
    worst_row: rowIndex < 0 ? null : { index: rowIndex, ratio: rowRatio },
    worst_column: column < 0 ? null : { index: column, ratio: columnRatio },
    error: error < 0 ? ratio * noise : error,
    noise,
    rms,
    max_error: max < 0 ? null : noise > 0 ? max * noise : max,
  };
}

function unpackDistances({ has, columns }: PackedDistances): (Distance | undefined)[] {
  let row = -1;
  return Array.from(has, (flag) => {
    if (flag === "0") return undefined;
    row += 1;
    return unpackDistance(columns, row);
  });
}

/** One verdict with its sites; numbers are rounded to the digits that were kept. */
export function unpackVerdict(packed: PackedVerdict, texts: readonly string[]): Verdict {
  const text = (position: number | undefined): string => texts[position ?? -1] ?? "";
  const accumulated = unpackDistances(packed.sites.accumulated);
  const local = unpackDistances(packed.sites.local).map((distance, position): Distance | undefined =>
    distance?.rms === 0 ? { ...distance, rms: accumulated[position]?.rms ?? 0 } : distance,
  );
  let order = 0;
  const sites = packed.sites.site.map((name, position): SiteVerdict => {
    order += packed.sites.order[position] ?? 0;
    const shape = packed.sites.shape[position] ?? -1;
    const dtype = packed.sites.dtype[position] ?? -1;
    const far = accumulated[position];
    const near = local[position];
    const farStatus = statusOf[packed.sites.accumulated_status.charAt(position)];
    const nearStatus = statusOf[packed.sites.local_status.charAt(position)];
    return {
      site: text(name),
      phase: text(packed.sites.phase[position]),
      order,
      status: statusOf[packed.sites.status.charAt(position)] ?? "unknown",
      ...(farStatus && { accumulated_status: farStatus }),
      ...(nearStatus && { local_status: nearStatus }),
      ...(shape >= 0 && { shape: text(shape).split(",").filter(Boolean).map(Number) }),
      ...(dtype >= 0 && { dtype: text(dtype) }),
      ...(far && { accumulated: far }),
      ...(near && { local: near }),
      ...packed.sites.rest[position],
    };
  });
  const coverage = {
    ...packed.verdict.coverage,
    unknown: packed.unknown.map(text),
    unexpected: packed.unexpected.map(text),
  };
  return { ...packed.verdict, coverage, sites };
}

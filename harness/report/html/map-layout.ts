/** Lays out the sites on the heat map: pure, from site names in execution order. */

/** One column of a stack of layers: a kind of site, e.g. `self_attn.o_proj:in`. */
export interface MapColumn {
  readonly kind: string;
  /** Child module that several columns share (`self_attn`), or "" for the layer's own sites and small children. */
  readonly group: string;
  /** The rest of the kind's name, after that of its group. */
  readonly name: string;
}

/** A row: a layer, or a group of sites outside of layers. A cell lists the sites that share it, usually one. */
export interface MapRow {
  readonly label: string;
  readonly cells: readonly (readonly string[])[];
}

/** Rows that share columns: one stack of layers, or (columns null) sites outside of layers, packed to the left. */
export interface MapBlock {
  readonly title: string;
  readonly columns: readonly MapColumn[] | null;
  readonly rows: readonly MapRow[];
}

const maxColumns = 120;
const stripWidth = 32;

interface Place {
  readonly stack: string;
  readonly layer: number;
  readonly kind: string;
}

/** Stack, layer and kind of a site inside a layer: `model.layers`, 5, `mlp:out` for `model.layers.5.mlp:out`. */
export function placeOf(site: string): Place | null {
  const match = /^([^:#@]*?)\.(\d+)(?=[.:#@]|$)\.?(.*)$/.exec(site);
  if (!match) return null;
  const [, stack = "", layer = "", kind = ""] = match;
  return { stack, layer: Number(layer), kind };
}

/**
 * A layer begins with its input and ends with its output, even where the sites between are listed later or not at all.
 */
function kindRank(kind: string): number {
  if (kind.startsWith("cache.")) return 3;
  if (kind.startsWith(":out")) return 2;
  return kind.startsWith(":in") ? 0 : 1;
}

/** Merges the sequences of all layers: a kind that is new goes behind the kind that precedes it in its layer. */
function mergeKinds(sequences: Iterable<readonly string[]>): string[] {
  const merged: string[] = [];
  const known = new Set<string>();
  for (const sequence of sequences) {
    let behind = -1;
    for (const kind of sequence) {
      if (known.has(kind)) {
        behind = merged.indexOf(kind);
        continue;
      }
      behind += 1;
      merged.splice(behind, 0, kind);
      known.add(kind);
    }
  }
  return merged.toSorted((left, right) => kindRank(left) - kindRank(right));
}

function columnsOf(kinds: readonly string[]): MapColumn[] {
  const families = new Set<string>();
  for (const kind of kinds) {
    const family = /^([^.:#@]+)[.#]/.exec(kind)?.[1];
    if (family !== undefined) families.add(family);
  }
  return kinds.map((kind) => {
    const head = /^[^.:#@]*/.exec(kind)?.[0] ?? "";
    const group = families.has(head) ? head : "";
    const name = group === "" ? kind : kind.slice(group.length).replace(/^\./, "");
    return { kind, group, name };
  });
}

function stackBlock(title: string, layers: ReadonlyMap<number, ReadonlyMap<string, string[]>>): MapBlock {
  let byLayer = layers;
  let kinds = mergeKinds([...byLayer.values()].map((row) => [...row.keys()]));
  if (kinds.length > maxColumns) {
    byLayer = new Map([...layers].map(([layer, row]) => [layer, collapse(row)]));
    kinds = mergeKinds([...byLayer.values()].map((row) => [...row.keys()]));
  }
  const rows = [...byLayer].sort(([left], [right]) => left - right);
  return {
    title,
    columns: columnsOf(kinds),
    rows: rows.map(([layer, row]) => ({ label: String(layer), cells: kinds.map((kind) => row.get(kind) ?? []) })),
  };
}

/** Puts repeated children (experts) into one column. */
function collapse(row: ReadonlyMap<string, string[]>): Map<string, string[]> {
  const collapsed = new Map<string, string[]>();
  for (const [kind, sites] of row) {
    const starred = kind.replaceAll(/(^|\.)\d+(?=[.:#])/g, "$1*");
    collapsed.set(starred, [...(collapsed.get(starred) ?? []), ...sites]);
  }
  return collapsed;
}

function stripBlock(sites: readonly string[], labelOf: (site: string) => string): MapBlock {
  const byLabel = Map.groupBy(sites, labelOf);
  const rows = [...byLabel].flatMap(([label, members]) => {
    const parts: MapRow[] = [];
    for (let start = 0; start < members.length; start += stripWidth) {
      const cells = members.slice(start, start + stripWidth).map((site) => [site]);
      parts.push({ label: start === 0 ? label : "", cells });
    }
    return parts;
  });
  return { title: "", columns: null, rows };
}

/** The input that a site before the text layers belongs to, as the label of its row. */
function inputLabel(site: string): string {
  if (/vision|visual|image|patch/.test(site)) return "vision";
  return /audio|speech/.test(site) ? "audio" : "embedding";
}

/** Lays out distinct site names, given in execution order: rows in front of layers, stacks of layers, head. */
export function layoutMap(sites: readonly string[]): MapBlock[] {
  const places = new Map(sites.map((site) => [site, placeOf(site)]));
  const stacks = [...new Set([...places.values()].flatMap((place) => (place ? [place.stack] : [])))];
  const textStack = stacks.filter((stack) => stack !== "cache").at(-1);
  const lastLayered = sites.findLastIndex((site) => places.get(site)?.stack === textStack);
  const layers = new Map<string, Map<number, Map<string, string[]>>>();
  const outside: string[] = [];
  for (const site of sites) {
    const place = places.get(site);
    if (!place) {
      outside.push(site);
      continue;
    }
    const isCache = place.stack === "cache" && textStack !== undefined;
    const stack = isCache ? textStack : place.stack;
    const kind = isCache ? `cache.${place.kind}` : place.kind;
    const rows = layers.get(stack) ?? new Map<number, Map<string, string[]>>();
    layers.set(stack, rows);
    const row = rows.get(place.layer) ?? new Map<string, string[]>();
    rows.set(place.layer, row);
    row.set(kind, [...(row.get(kind) ?? []), site]);
  }
  const positions = new Map(sites.map((site, position) => [site, position]));
  const isHead = (site: string): boolean =>
    /^(logits|lm_head)\b/.test(site) || (positions.get(site) ?? 0) > lastLayered;
  const before = outside.filter((site) => !isHead(site));
  const after = outside.filter(isHead);
  return [
    ...(before.length > 0 ? [stripBlock(before, inputLabel)] : []),
    ...[...layers].map(([title, rows]) => stackBlock(title, rows)),
    ...(after.length > 0 ? [stripBlock(after, () => "head")] : []),
  ];
}

/** The first `shown` names, then how many more there are. */
export function some(names: readonly string[], shown = 6): string {
  const text = names.slice(0, shown).join(", ");
  return names.length > shown ? `${text} and ${names.length - shown} more` : text;
}

/** Whole numbers in rising order, neighbours as ranges: `0-3, 5`. */
export function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of [...new Set(numbers)].toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}

/** `1 site`, `2 sites`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

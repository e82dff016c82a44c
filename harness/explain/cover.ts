/** A choice that closes some of the open holes, such as a variant of a case's inputs. */
export interface Closing {
  readonly title: string;
  readonly closes: ReadonlySet<string>;
}

/**
 * The smallest set that a greedy choice finds: again and again what closes most of the holes that are still open.
 * Answers each with the number it adds.
 */
export function coverHoles(options: readonly Closing[]): { readonly title: string; readonly adds: number }[] {
  const closed = new Set<string>();
  const chosen: { title: string; adds: number }[] = [];
  for (;;) {
    const gains = options.map(({ title, closes }) => ({
      title,
      closes,
      adds: [...closes].filter((hole) => !closed.has(hole)).length,
    }));
    const best = gains.toSorted((a, b) => b.adds - a.adds)[0];
    if (!best || best.adds === 0) return chosen;
    chosen.push({ title: best.title, adds: best.adds });
    for (const hole of best.closes) closed.add(hole);
  }
}

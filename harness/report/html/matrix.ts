/** Verdicts as rows of cases and columns of what ran them. */
export interface MatrixRow {
  readonly name: string;
  /** The place of the verdict for each column, null where the case was not run; the latest of several. */
  readonly cells: readonly (number | null)[];
}

/** Rows and columns in the order in which they first come. */
export function matrixOf<V extends { readonly case: string }>(
  verdicts: readonly V[],
  columnOf: (verdict: V) => string,
): { columns: string[]; rows: MatrixRow[] } {
  const columns = [...new Set(verdicts.map(columnOf))];
  const rows = [...new Set(verdicts.map((verdict) => verdict.case))].map((name) => ({
    name,
    cells: columns.map((column) => {
      const place = verdicts.findLastIndex((verdict) => verdict.case === name && columnOf(verdict) === column);
      return place < 0 ? null : place;
    }),
  }));
  return { columns, rows };
}

/** A JSON value as TypeScript: keys without quotes, long numbers in groups. */
export function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([name, inner]) => `${name}: ${literal(inner)}`);
    return `{ ${entries.join(", ")} }`;
  }
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) >= 10_000)
    return String(value).replaceAll(/\B(?=(\d{3})+$)/g, "_");
  return JSON.stringify(value);
}

/** The first `shown` names, then how many more there are. */
export function some(names: readonly string[], shown = 6): string {
  const text = names.slice(0, shown).join(", ");
  return names.length > shown ? `${text} and ${names.length - shown} more` : text;
}

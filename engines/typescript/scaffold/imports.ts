/** The imports of a file that is being written. */
export interface Imports {
  /** Notes an import of a value; returns its name. */
  value(file: string, name: string): string;
  /** Notes an import of a type alone. */
  type(file: string, name: string): string;
  readonly values: Map<string, Set<string>>;
  readonly types: Map<string, Set<string>>;
}

/** A list of imports that is empty at first. */
export function newImports(): Imports {
  const [values, types] = [new Map<string, Set<string>>(), new Map<string, Set<string>>()];
  const note = (kinds: Map<string, Set<string>>) => (file: string, name: string) => {
    kinds.set(file, (kinds.get(file) ?? new Set()).add(name));
    return name;
  };
  return { values, types, value: note(values), type: note(types) };
}

/** The import statements of a file in `engines/typescript/models`, sorted by file. */
export function importBlock({ values, types }: Imports): string {
  const files = [...new Set([...values.keys(), ...types.keys()])].toSorted();
  const lines = files.flatMap((file) => {
    const wanted = [...(values.get(file) ?? [])];
    const only = [...(types.get(file) ?? [])].filter((name) => !wanted.includes(name));
    return [
      ...(only.length > 0 ? [`import type { ${only.toSorted().join(", ")} } from "../${file}.ts";`] : []),
      ...(wanted.length > 0 ? [`import { ${wanted.toSorted().join(", ")} } from "../${file}.ts";`] : []),
    ];
  });
  return ['import { z } from "zod";', ...lines].join("\n");
}

/**
 * The files that `lockstep new` writes: the skeleton of a model file, a case, and faults, from the reference's outline.
 */
import type { Outline } from "../../../harness/engine/outline.ts";
import { literal } from "./literal.ts";
import { modelFile } from "./model.ts";

/** Folders of the repository that the files go into. */
export interface NewFolders {
  readonly models: string;
  readonly faults: string;
  readonly cases: string;
}

/** Path to content. `inert` are config keys that the engine drops from every config. */
export function architectureFiles(
  outline: Outline,
  { models, faults, cases }: NewFolders,
  inert: readonly string[],
): ReadonlyMap<string, string> {
  return new Map([
    [`${models}/${outline.model_type}.ts`, modelFile(outline, inert)],
    [`${cases}/${outline.model_type}.case.ts`, caseFile(outline)],
    [`${faults}/${outline.model_type}.ts`, faultsFile(outline)],
  ]);
}

/** The line that makes the architecture known, in the registry. */
export function registryLine({ architecture, config_class }: Outline): string {
  return `${architecture}: architecture(${config_class}, ${architecture}),`;
}

function caseFile({ model_type, config }: Outline): string {
  const fields = Object.entries(config).map(([name, value]) => `  ${name}: ${literal(value)},\n`);
  return `import { chunkedCase } from "./decoder.inputs.ts";

/** Two layers. Change it until there is one layer of every kind, and no field has its default: docs/new-case.md. */
const config = {
${fields.join("")}};

export const cases = [chunkedCase(${JSON.stringify(model_type)}, config)];
`;
}

function faultsFile({ model_type, classes }: Outline): string {
  const norm = classes
    .find(({ like }) => like === "model")
    ?.children.find(({ eps, name }) => eps?.field && name.includes("norm"));
  const id = model_type.replaceAll("_", "-");
  const fault = norm
    ? `
export const finalNormEps: PlantedFault = {
  id: "${id}-final-norm-eps",
  title: "eps of the final norm of ${model_type} 1e-5, whatever ${norm.eps!.field} says",
  category,
  case: "${model_type}/chunked",
  at: "${norm.path}:out",
  model(model) {
    part<Module & { eps: number }>(model, "${norm.path}").eps = 1e-5;
  },
};
`
    : "";
  const imports = norm
    ? `import type { Module } from "../layers/module.ts";
import { part } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "${model_type}";
`
    : "";
  return `/** Faults of ${model_type} ports: at least three that a port of it would really have. */
${imports}${fault}
export const causes = {};
`;
}

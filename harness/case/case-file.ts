/**
 * Writes a case as a TypeScript file that needs nothing else: config, phases and inputs as literals, large tensors in a
 * safetensors file beside it.
 */
import { rmSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { codeRoot, packageRoot } from "../engine/registry.ts";
import { dtypeBytes } from "../trace/dtypes.ts";
import { writeSafetensors } from "../trace/safetensors.ts";
import { writeWhole } from "../trace/whole-file.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { Case, Inputs } from "./case.ts";
import { makeFolder } from "../trace/make-folder.ts";

/** Tensors of more elements than this are no reading matter. */
const largestLiteral = 256;

/** A case with its inputs, and what its file says on top. */
export interface CaseToWrite {
  readonly testCase: Case;
  readonly inputs: Inputs;
  readonly comment: readonly string[];
}

/**
 * Writes `file` and, where there are large tensors, `<file without .case.ts>.safetensors`; returns what was written.
 */
export function writeCaseFile(file: string, { testCase, inputs, comment }: CaseToWrite): string[] {
  const path = resolve(file);
  const tensors = path.replace(/(\.case)?\.[tj]s$/, "") + ".safetensors";
  const large = new Map([...inputs].filter(([, tensor]) => literalOf(tensor) === null));
  const text = renderCaseFile({
    ...{ testCase, inputs, comment },
    library: libraryFor(dirname(path)),
    fault: testCase.fault && { ...testCase.fault, module: fromFolder(dirname(path), testCase.fault.module) },
    tensors: `./${basename(tensors)}`,
  });
  makeFolder(dirname(path));
  if (large.size > 0) writeSafetensors(tensors, large);
  else rmSync(tensors, { force: true }); // of an earlier version of this file
  writeWhole(path, text);
  return large.size > 0 ? [path, tensors] : [path];
}

/** The text of a case file; paths as they are to be written. */
export function renderCaseFile(
  options: CaseToWrite & {
    readonly library: string;
    readonly fault: Case["fault"];
    readonly tensors: string;
  },
): string {
  const { testCase, inputs, comment, library, fault, tensors } = options;
  const entries = [...inputs].map(([name, tensor]) => {
    const literal = literalOf(tensor);
    return `  [${JSON.stringify(name)}, ${literal ?? `large.get(${JSON.stringify(name)})!`}],`;
  });
  const body = entries.join("\n");
  const isLarge = body.includes("large.get(");
  const makers = ["int64Tensor", "float32Tensor", "boolTensor"].filter((name) => body.includes(`${name}(`));
  const local = (path: string): string => `fileURLToPath(new URL(${JSON.stringify(path)}, import.meta.url))`;
  const fields = [
    ...[`name: ${JSON.stringify(testCase.name)}`, `title: ${JSON.stringify(testCase.title)}`, "config"],
    ...(testCase.checkpoint === undefined ? [] : [`checkpoint: ${JSON.stringify(testCase.checkpoint)}`]),
    ...["inputs: () => inputs", "phases", `engine: ${JSON.stringify(testCase.engine)}`],
    ...(fault ? [`fault: { module: ${local(fault.module)}, name: ${JSON.stringify(fault.name)} }`] : []),
    ...(testCase.faultId === undefined ? [] : [`faultId: ${JSON.stringify(testCase.faultId)}`]),
  ];
  return [
    "/**",
    ...comment.map((line) => ` * ${line.replaceAll("*/", "* /")}`),
    " */",
    ...(fault || isLarge ? ['import { fileURLToPath } from "node:url";'] : []),
    `import { ${["defineCase", ...makers, ...(isLarge ? ["readSafetensors"] : [])].join(", ")} } from ${JSON.stringify(library)};`,
    "",
    `const config = ${JSON.stringify(testCase.config, null, 2)};`,
    "",
    ...(isLarge ? [`const large = readSafetensors(${local(tensors)});`] : []),
    `const inputs = new Map([\n${body}\n]);`,
    "",
    `const phases = [\n${testCase.phases.map((phase) => `  ${JSON.stringify(phase)},\n`).join("")}];`,
    "",
    `export const cases = [\n  defineCase({\n${fields.map((field) => `    ${field},\n`).join("")}  }),\n];`,
    "",
  ].join("\n");
}

/**
 * A tensor as a call that makes it again, bit for bit; null where it is too large, or of a dtype that has no such call.
 */
function literalOf(tensor: RawTensor): string | null {
  const { dtype, shape, bytes } = tensor;
  if (bytes.byteLength / dtypeBytes[dtype] > largestLiteral) return null;
  const values = `[${Array.from(toNumbers(tensor), (value) => (Object.is(value, -0) ? "-0" : String(value))).join(", ")}]`;
  const size = `[${shape.join(", ")}]`;
  if (dtype === "I64") return `int64Tensor(${values}, ${size})`;
  if (dtype === "BOOL") return `boolTensor(${values}, ${size})`;
  return dtype === "F32" ? `float32Tensor(Float32Array.from(${values}), ${size})` : null;
}

/**
 * The name by which a file of that folder imports this package: its path in a clone, `lockstep` where it is installed.
 */
function libraryFor(folder: string): string {
  return codeRoot === packageRoot ? fromFolder(folder, join(packageRoot, "harness", "index.ts")) : "lockstep";
}

/** A path as a file of that folder imports it. */
function fromFolder(folder: string, path: string): string {
  const steps = relative(folder, path).split(sep).join("/");
  return steps.startsWith(".") ? steps : `./${steps}`;
}

/** The children of a class, each a field: `q_proj = this.at.linear("q_proj", ...)`. */
import type { Outline, OutlineChild, OutlineClass } from "../../../harness/engine/outline.ts";
import type { Imports } from "./imports.ts";
import { boolean, dimension, number, option } from "./values.ts";

/** The outline that a file is written from, and the imports that it has so far. */
export interface Writer {
  readonly outline: Outline;
  readonly imports: Imports;
}

type Element = Omit<OutlineChild, "elements" | "count" | "element">;

/** True where the constructor of a class takes a layer index: its own does, or a child needs one. */
export function takesIndex(match: OutlineClass, { classes }: Outline): boolean {
  if (match.like === "root" || match.like === "model" || isShared(match)) return false;
  const inner = match.children.map(({ type }) => classes.find(({ name }) => name === type));
  return match.indexed || inner.some((one) => one !== undefined && takesIndex(one, { classes } as Outline));
}

/** True where the class is one line here, of a layer that does it all. */
export function isShared({ like }: OutlineClass): boolean {
  return !["root", "model", "attention", "module"].includes(like);
}

/** The lines of a child; a comment where there is no layer for it. */
export function childField(child: OutlineChild, match: OutlineClass, writer: Writer): string {
  const made = make(child, match, writer);
  if (made === null) return `  // not written: ${child.name}, a ${child.type}`;
  if (!child.when) return `  ${child.name} = ${made};`;
  const absent = child.when.startsWith("!");
  const [yes, no] = absent ? ["null", made] : [made, "null"];
  return `  ${child.name} = this.config.${absent ? child.when.slice(1) : child.when} ? ${yes} : ${no};`;
}

function make(child: OutlineChild, match: OutlineClass, writer: Writer): string | null {
  const { outline, imports } = writer;
  const name = JSON.stringify(child.name);
  const size = (place: number) => dimension(child.shape![place]!, outline);
  const own = classOf(child, outline);
  switch (child.kind) {
    case "linear": {
      if (match.like === "root" && child.name === "lm_head") return head(child, outline);
      if (own) return leaf(child, writer, `this.at.child(${name})`);
      const choice = child.bias === true ? "" : `, { bias: ${option(child.bias ?? false)} }`;
      return `this.at.linear(${name}, ${size(1)}, ${size(0)}${choice})`;
    }
    case "conv1d":
      return `this.at.conv1d(${name}, ${size(0)}, ${size(1)})`;
    case "embedding":
      return `this.at.embedding(${name}, ${size(0)}, ${size(1)}${own ? `, { as: ${own.name} }` : ""})`;
    case "layer_norm":
      return norm(child, imports.value("layers/normalization", "LayerNorm"), writer);
    case "activation":
      return `this.at.activation(${name}, ${activation(child)})`;
    case "dropout":
      return `this.at.dropout(${name})`;
    case "list":
      return list(child, writer);
    case "module":
      return own ? module(child, own, writer) : null;
  }
}

/** The head shares its weight with the token embeddings where the config says so. */
function head({ bias }: Element, { classes, prefix }: Outline): string {
  const embedding = classes.find(({ like }) => like === "model")?.children.find(({ kind }) => kind === "embedding");
  const choice = bias ? `, { bias: ${boolean(bias)} }` : "";
  return `this.head("${prefix}.${embedding?.name ?? "embed_tokens"}.weight"${choice})`;
}

function norm(child: Element, type: string, { outline }: Writer): string {
  const { field, value } = child.eps ?? { field: null, value: child.kind === "layer_norm" ? 1e-5 : 1e-6 };
  const bias = child.kind === "layer_norm" && child.bias !== true ? [`bias: ${boolean(child.bias ?? false)}`] : [];
  const eps = field === "rms_norm_eps" ? [] : [`eps: ${field ? JSON.stringify(field) : String(value)}`];
  const choice = [...eps, ...bias];
  const options = choice.length > 0 ? `, { ${choice.join(", ")} }` : "";
  return `this.at.norm(${JSON.stringify(child.name)}, ${type}, ${dimension(child.shape![0]!, outline)}${options})`;
}

function activation(child: Element): string {
  return child.field ? `this.config.${child.field}` : JSON.stringify(child.activation ?? "silu");
}

/** A list of layers is made by the scope; one of norms or projections element by element. */
function list({ name, count, elements }: OutlineChild, writer: Writer): string | null {
  if (!elements || !count) return null;
  const own = classOf(elements, writer.outline);
  if (own && elements.kind === "module" && !isShared(own) && count.field)
    return `this.at.list(${JSON.stringify(name)}, ${own.name}, ${JSON.stringify(count.field)})`;
  const element = leaf(elements, writer, "at");
  if (element === null) return null;
  const type = writer.imports.value("layers/module", "ModuleList");
  return `new ${type}(this.at.child(${JSON.stringify(name)}), ${number(count)}, (_, at) => ${element})`;
}

/** `new Linear(at, { ... })`, for what the scope has no method for. */
function leaf(child: Element, { outline, imports }: Writer, at: string): string | null {
  const size = (place: number) => `this.at.size(${dimension(child.shape![place]!, outline)})`;
  const own = classOf(child, outline);
  if (child.kind === "linear") {
    const type = own?.name ?? imports.value("layers/linear", "Linear");
    return `new ${type}(${at}, { in: ${size(1)}, out: ${size(0)}, bias: ${boolean(child.bias ?? false)} })`;
  }
  if (child.kind !== "layer_norm" && !own?.like.endsWith("rms_norm")) return null;
  const type = own?.name ?? imports.value("layers/normalization", "LayerNorm");
  const bias = child.kind === "layer_norm" ? `, bias: ${boolean(child.bias ?? false)}` : "";
  return `new ${type}(${at}, { dim: ${size(0)}, eps: ${number(child.eps ?? { value: 1e-5, field: null })}${bias} })`;
}

/** A module of one of the outline's classes. */
function module(child: Element, own: OutlineClass, writer: Writer): string {
  if (own.like.endsWith("rms_norm")) return norm(child, own.name, writer);
  const rest = own.like === "gated_mlp" ? [gatedOptions(own, writer)] : indexOf(own, writer);
  return `this.at.module(${[JSON.stringify(child.name), own.name, ...rest].join(", ")})`;
}

function indexOf(own: OutlineClass, { outline }: Writer): string[] {
  if (takesIndex(own, outline)) return ["this.layer_idx"];
  return own.like === "attention" ? ["0"] : [];
}

function gatedOptions({ children }: OutlineClass, { outline }: Writer): string {
  const inner = (name: string) => children.find((one) => one.name === name);
  const { bias, shape } = inner("gate_proj") ?? {};
  const width = shape?.[0];
  const own = width && width.factors?.join() !== "intermediate_size";
  const options = [
    `activation: ${activation(inner("act_fn") ?? ({} as Element))}`,
    ...(bias ? [`bias: ${boolean(bias)}`] : []),
    ...(own ? [`intermediate: this.at.size(${dimension(width, outline)})`] : []),
  ];
  return `{ ${options.join(", ")} }`;
}

function classOf({ type }: Pick<OutlineChild, "type">, { classes }: Outline): OutlineClass | undefined {
  return classes.find(({ name }) => name === type);
}

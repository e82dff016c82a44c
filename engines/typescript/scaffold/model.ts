/** The skeleton of a model file: config, classes, constructors. What is left to write are the forwards. */
import type { Outline, OutlineChild, OutlineClass } from "../../../harness/engine/outline.ts";
import { configBlock } from "./config.ts";
import type { Imports } from "./imports.ts";
import { importBlock, newImports } from "./imports.ts";
import { boolean, number, sizeOf } from "./values.ts";

interface Writer {
  readonly outline: Outline;
  readonly imports: Imports;
}

/** Layers that classes of the reference are one line of here. */
const alike: Readonly<Partial<Record<OutlineClass["like"], readonly [base: string, file: string]>>> = {
  rms_norm: ["RMSNorm", "layers/normalization"],
  rounded_rms_norm: ["RoundedRMSNorm", "layers/normalization"],
  one_plus_rms_norm: ["OnePlusRMSNorm", "layers/normalization"],
  rotary: ["RotaryEmbedding", "layers/rotary_embedding"],
  gated_mlp: ["GatedMLP", "layers/gated_mlp"],
  linear: ["Linear", "layers/linear"],
  embedding: ["Embedding", "layers/linear"],
};

/** The text of `models/<model_type>.ts`. `inert` are config keys that the engine drops from every config. */
export function modelFile(outline: Outline, inert: readonly string[]): string {
  const writer = { outline, imports: newImports() };
  const config = configBlock(outline, writer.imports, inert);
  const classes = outline.classes.map((found) => classBlock(found, writer));
  const header = `/** ${outline.model_type}, read beside transformers ${outline.version}, \`${outline.source}\`: same classes, same order, same names. */`;
  return `${[`${header}\n${importBlock(writer.imports)}`, config, ...classes].join("\n\n")}\n`;
}

function classBlock(found: OutlineClass, writer: Writer): string {
  const { name, like } = found;
  const shared = alike[like];
  if (shared) return sharedClass(found, shared, writer);
  writer.imports.type("layers/scope", "Scope");
  const base = baseOf(found, writer);
  const children = found.children.filter((child) => childType(child, writer) !== null);
  const missing = found.children.filter((child) => !children.includes(child));
  const fields = [
    ...children.map((child) => `  ${child.name}: ${childType(child, writer)}${child.when ? " | null = null" : ""};`),
    ...found.tensors.map((tensor) => `  ${tensor.name}: Tensor;`),
  ];
  if (found.tensors.length > 0) writer.imports.type("tensor/tensor", "Tensor");
  const body = [
    ...children.map((child) => `    ${childLine(child, found, writer)}`),
    ...found.tensors.map((tensor) => {
      const sizes = tensor.shape.map((size) => sizeOf(size, writer.outline, writer.imports)).join(", ");
      return `    this.${tensor.name} = at.weight(${JSON.stringify(tensor.name)}, [${sizes}]);`;
    }),
    ...missing.map((child) => `    // not written: ${child.name}, a ${child.type}`),
  ];
  const text = body.join("\n");
  const index = takesIndex(found, writer);
  const used = /\blayer_idx\b/.test(text) || like === "attention";
  const parameters = [
    `config: ${writer.outline.config_class}`,
    ...(index ? [`${used ? "" : "_"}layer_idx: number`] : []),
    "at: Scope",
  ];
  const constructor = [
    `  constructor(${parameters.join(", ")}) {`,
    `    ${superCall(found, writer)}`,
    ...(/\bconfig\b/.test(text) ? ["    config = at.read(config);"] : []),
    ...body,
    "  }",
  ];
  const parts = [...(fields.length > 0 ? [fields.join("\n")] : []), constructor.join("\n"), ...forward(found, writer)];
  return `export class ${name} extends ${base} {\n${parts.join("\n\n")}\n}`;
}

function sharedClass({ name, like, forward }: OutlineClass, shared: readonly [string, string], writer: Writer): string {
  const { outline, imports } = writer;
  const [base, file] = shared;
  imports.value(file, base);
  if (like === "rotary" && outline.rope && (outline.rope["partial_rotary_factor"] ?? 1) !== 1) {
    imports.value("layers/rope_init", "compute_partial_rope_parameters");
    imports.type("layers/scope", "Scope");
    return `/** Rotates the first \`partial_rotary_factor\` of the channels, with every kind of rope. */
export class ${name} extends ${base} {
  constructor(config: ${outline.config_class}, at: Scope) {
    super(config, at, { default: compute_partial_rope_parameters });
  }
}`;
  }
  if ((like !== "linear" && like !== "embedding") || !forward) return `export class ${name} extends ${base} {}`;
  imports.type("tensor/tensor", "Tensor");
  const input = like === "linear" ? "Tensor" : "IndexTensor";
  imports.type("tensor/tensor", input);
  return `export class ${name} extends ${base} {
  override forward(_input: ${input}): Tensor {
    throw new Error("not written: forward of ${name}");
  }
}`;
}

function baseOf({ like }: OutlineClass, { imports }: Writer): string {
  if (like === "attention") return imports.value("layers/attention", "Attention");
  if (like === "root") return imports.value("layers/decoder", "DecoderForCausalLM");
  return imports.value("layers/module", "Module");
}

function superCall(found: OutlineClass, { outline }: Writer): string {
  if (found.like === "root") return "super(config, at);";
  if (found.like !== "attention") return "super(at);";
  const { config } = outline;
  const own = (name: string) => Number(config[outline.aliases[name] ?? name]);
  const head_dim = Number(config["head_dim"] ?? Math.floor(own("hidden_size") / own("num_attention_heads")));
  const usual = found.scaling === null || Math.abs(found.scaling - head_dim ** -0.5) < 1e-9;
  const scaling = usual ? "at.read(config).head_dim ** -0.5" : `${found.scaling} /* not written: of which fields */`;
  return `super(config, ${takesIndex(found, { outline }) ? "layer_idx" : "0"}, { at, scaling: ${scaling} });`;
}

/** The stub of a forward, with the signature that the frame calls it with. */
function forward(found: OutlineClass, { outline, imports }: Writer): string[] {
  const stub = (parameters: string) => [
    `  forward(${parameters}): Tensor {\n    throw new Error("not written: forward of ${found.name}");\n  }`,
  ];
  if (found.like === "root")
    return outline.prefix === "model"
      ? []
      : [`  get model(): this["${outline.prefix}"] {\n    return this.${outline.prefix};\n  }`];
  imports.type("tensor/tensor", "Tensor");
  if (found.like === "model") {
    imports.type("tensor/tensor", "IndexTensor");
    imports.type("layers/causal_model", "CausalModelInputs");
    return stub("_input_ids: IndexTensor, _inputs: CausalModelInputs");
  }
  if (found.like === "attention" || holdsAttention(found, outline)) {
    imports.type("layers/attention", "DecoderLayerInputs");
    return stub("_hidden_states: Tensor, _inputs: DecoderLayerInputs");
  }
  return stub("_hidden_states: Tensor");
}

function holdsAttention({ children }: OutlineClass, { classes }: Outline): boolean {
  return children.some(({ type }) => classes.find(({ name }) => name === type)?.like === "attention");
}

/** Whether its constructor takes a layer index: its own does, or a child needs one. */
function takesIndex(found: OutlineClass, { outline }: Pick<Writer, "outline">): boolean {
  if (found.like === "root" || found.like === "model" || alike[found.like]) return false;
  const classes = found.children.map(({ type }) => outline.classes.find(({ name }) => name === type));
  return found.indexed || classes.some((inner) => inner !== undefined && takesIndex(inner, { outline }));
}

/** The TypeScript type of a child; null when there is no layer for it. */
function childType(child: OutlineChild, writer: Writer): string | null {
  const { imports, outline } = writer;
  if (outline.classes.some(({ name }) => name === child.type)) return child.type;
  if (child.kind === "list") {
    const inner = child.elements && childType(child.elements, writer);
    return inner ? `${imports.value("layers/module", "ModuleList")}<${inner}>` : null;
  }
  const layers = {
    linear: ["layers/linear", "Linear"],
    conv1d: ["layers/linear", "Conv1D"],
    embedding: ["layers/linear", "Embedding"],
    layer_norm: ["layers/normalization", "LayerNorm"],
    activation: ["layers/activations", "Activation"],
    dropout: ["layers/dropout", "Dropout"],
  } as const;
  if (child.kind === "module") return null;
  const [file, name] = layers[child.kind];
  return imports.value(file, name);
}

/** `this.q_proj = new Linear(...);` */
function childLine(child: OutlineChild, found: OutlineClass, writer: Writer): string {
  const line = `this.${child.name} = ${construct(child, found, writer, `at.child(${JSON.stringify(child.name)})`)};`;
  if (!child.when) return line;
  return `if (${boolean(child.when)}) ${line}`;
}

function construct(child: OutlineChild, found: OutlineClass, writer: Writer, at: string): string {
  const { outline, imports } = writer;
  const size = (place: number) => sizeOf(child.shape![place]!, outline, imports);
  const type = childType(child, writer)!;
  if (found.like === "root" && child.kind === "linear") {
    const model = outline.classes.find(({ like }) => like === "model");
    const embedding = model?.children.find(({ kind }) => kind === "embedding");
    const bias = child.bias ? `, bias: ${boolean(child.bias)}` : "";
    if (child.name === "lm_head" && embedding)
      return `this.create_lm_head(config, ${at}, { embedding: this.${outline.prefix}.${embedding.name}${bias} })`;
  }
  switch (child.kind) {
    case "linear":
      return `new ${type}(${at}, { in: ${size(1)}, out: ${size(0)}, bias: ${boolean(child.bias ?? false)} })`;
    case "conv1d":
      return `new ${type}(${at}, { in: ${size(0)}, out: ${size(1)} })`;
    case "embedding":
      return `new ${type}(${at}, { num_embeddings: ${size(0)}, embedding_dim: ${size(1)} })`;
    case "layer_norm": {
      const bias = child.bias === true ? "" : `, bias: ${boolean(child.bias ?? false)}`;
      return `new ${type}(${at}, { dim: ${size(0)}, eps: ${number(child.eps ?? { value: 1e-5, field: null })}${bias} })`;
    }
    case "activation":
      return `new ${type}(${at}, ${child.field ? `config.${child.field}` : JSON.stringify(child.activation ?? "silu")})`;
    case "dropout":
      return `new ${type}(${at})`;
    case "list": {
      const inner = construct(child.elements!, found, writer, "at");
      const index = /\blayer_idx\b/.test(inner) ? "layer_idx" : "_";
      const list = imports.value("layers/module", "ModuleList");
      return `new ${list}(${at}, ${number(child.count!)}, (${index}, at) => ${inner})`;
    }
    case "module":
      return constructOwn(child, writer, at);
  }
}

/** A module of one of the outline's classes. */
function constructOwn(child: OutlineChild, writer: Writer, at: string): string {
  const found = writer.outline.classes.find(({ name }) => name === child.type)!;
  if (found.like.endsWith("rms_norm")) {
    const eps = number(child.eps ?? { value: 1e-6, field: null });
    const dim = sizeOf(child.shape![0]!, writer.outline, writer.imports);
    return `new ${child.type}(${at}, { dim: ${dim}, eps: ${eps}, with_scale: true })`;
  }
  if (found.like === "gated_mlp") {
    const inner = (name: string) => found.children.find((one) => one.name === name);
    const { field, activation = "silu" } = inner("act_fn") ?? {};
    const bias = inner("gate_proj")?.bias;
    const options = [
      `activation: ${field ? `config.${field}` : JSON.stringify(activation)}`,
      ...(bias ? [`bias: ${boolean(bias)}`] : []),
    ];
    const width = inner("gate_proj")?.shape?.[0];
    if (width && width.factors?.join() !== "intermediate_size")
      options.push(`intermediate: ${sizeOf(width, writer.outline, writer.imports)}`);
    return `new ${child.type}(config, ${at}, { ${options.join(", ")} })`;
  }
  return `new ${child.type}(config, ${takesIndex(found, writer) ? "layer_idx, " : ""}${at})`;
}

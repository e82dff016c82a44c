/** The skeleton of a model file: config and classes with their children. What is left to write are the forwards. */
import type { Outline, OutlineClass } from "../../../harness/engine/outline.ts";
import type { Writer } from "./children.ts";
import { childField, isShared, takesIndex } from "./children.ts";
import { configBlock } from "./config.ts";
import { importBlock, newImports } from "./imports.ts";
import { dimension } from "./values.ts";

/** Layers that classes of the reference are one line of here. */
const shared: Readonly<Partial<Record<OutlineClass["like"], readonly [base: string, file: string]>>> = {
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
  const classes = outline.classes.map((match) => (isShared(match) ? sharedClass : classBlock)(match, writer));
  const header = `/** ${outline.model_type}, read beside transformers ${outline.version}, \`${outline.source}\`: same classes, order and names. */`;
  return `${[`${header}\n${importBlock(writer.imports)}`, config, ...classes].join("\n\n")}\n`;
}

function classBlock(match: OutlineClass, writer: Writer): string {
  const { outline } = writer;
  const fields = [
    ...(match.like === "attention" ? [core(match, writer)] : []),
    ...match.children.map((child) => childField(child, match, writer)),
    ...match.tensors.map(({ name, shape }) => {
      const sizes = shape.map((size) => dimension(size, outline)).join(", ");
      return `  ${name} = this.at.parameter(${JSON.stringify(name)}, ${sizes});`;
    }),
  ];
  const parts = [...(fields.length > 0 ? [fields.join("\n")] : []), ...forward(match, writer)];
  return `export class ${match.name} extends ${baseOf(match, writer)}<${outline.config_class}> {\n${parts.join("\n\n")}\n}`;
}

function sharedClass({ name, like, forward: own }: OutlineClass, { outline, imports }: Writer): string {
  const [base, file] = shared[like]!;
  const partial = like === "rotary" && (outline.rope?.["partial_rotary_factor"] ?? 1) !== 1;
  const type = imports.value(file, partial ? "PartialRotaryEmbedding" : base);
  if ((like !== "linear" && like !== "embedding") || !own) return `export class ${name} extends ${type} {}`;
  imports.type("tensor/tensor", "Tensor");
  const input = like === "linear" ? "Tensor" : "IndexTensor";
  imports.type("tensor/tensor", input);
  return `export class ${name} extends ${type} {
  override forward(_input: ${input}): Tensor {
    throw new Error("not written: forward of ${name}");
  }
}`;
}

function baseOf(match: OutlineClass, { outline, imports }: Writer): string {
  if (match.like === "attention") return imports.value("layers/attention", "Attention");
  if (match.like === "root") return imports.value("layers/decoder", "DecoderForCausalLM");
  if (!takesIndex(match, outline)) return imports.value("layers/configured_module", "ConfiguredModule");
  if (holdsAttention(match, outline)) return imports.value("layers/decoder", "DecoderLayer");
  return imports.value("layers/configured_module", "LayerModule");
}

/** The line that says what scores are multiplied by. */
function core({ scaling }: OutlineClass, { outline, imports }: Writer): string {
  const { config, aliases } = outline;
  const own = (name: string) => Number(config[aliases[name] ?? name]);
  const head_dim = Number(config["head_dim"] ?? Math.floor(own("hidden_size") / own("num_attention_heads")));
  const usual = scaling === null || Math.abs(scaling - head_dim ** -0.5) < 1e-9;
  const value = usual ? "this.config.head_dim ** -0.5" : `${scaling} /* not written: of which fields */`;
  return `  attention = this.core(${imports.value("layers/attention_core", "AttentionCore")}, { scaling: ${value} });`;
}

/** The stub of a forward, with the signature that the frame calls it with. */
function forward(match: OutlineClass, { outline, imports }: Writer): string[] {
  const stub = (parameters: string) => [
    `  forward(${parameters}): Tensor {\n    throw new Error("not written: forward of ${match.name}");\n  }`,
  ];
  if (match.like === "root")
    return outline.prefix === "model"
      ? []
      : [`  get model(): this["${outline.prefix}"] {\n    return this.${outline.prefix};\n  }`];
  imports.type("tensor/tensor", "Tensor");
  if (match.like === "model") {
    imports.type("tensor/tensor", "IndexTensor");
    imports.type("layers/causal_model", "CausalModelInputs");
    return stub("_input_ids: IndexTensor, _inputs: CausalModelInputs");
  }
  if (match.like === "attention" || holdsAttention(match, outline)) {
    imports.type("layers/attention", "DecoderLayerInputs");
    return stub("_hidden_states: Tensor, _inputs: DecoderLayerInputs");
  }
  return stub("_hidden_states: Tensor");
}

function holdsAttention({ children }: OutlineClass, { classes }: Outline): boolean {
  return children.some(({ type }) => classes.find(({ name }) => name === type)?.like === "attention");
}

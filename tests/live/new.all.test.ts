/**
 * `lockstep new`: what the reference says of an architecture that the TypeScript engine does not have, as files that
 * compile.
 */
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";
import { architectureFiles, registryLine } from "../../engines/typescript/scaffold/architecture.ts";
import { writeSkeleton } from "../../harness/cli/skeleton.ts";
import { livePool } from "../support/live.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";

const folder = testFolder();
const inert = ["use_cache", "initializer_range", "attention_dropout", "bos_token_id", "eos_token_id"];

async function outlineOf(model_type: string) {
  return await (await livePool!.reference()).request("outline", { model_type });
}

describe.skipIf(livePool === null)("the outline of", () => {
  it("stablelm names classes in order, what they are like, and what their sizes follow from", async () => {
    const { classes, fields, rope } = await outlineOf("stablelm");
    expect(classes.map(({ name, like }) => [name.replace("StableLm", ""), like])).toEqual([
      ["RotaryEmbedding", "rotary"],
      ["MLP", "gated_mlp"],
      ["LayerNormPerHead", "module"],
      ["Attention", "attention"],
      ["DecoderLayer", "module"],
      ["Model", "model"],
      ["ForCausalLM", "root"],
    ]);
    const attention = classes.find(({ like }) => like === "attention")!;
    const child = (name: string) => attention.children.find((one) => one.name === name);
    expect(child("k_proj")).toMatchObject({ bias: "use_qkv_bias", kind: "linear" });
    expect(child("k_proj")!.shape![0]).toMatchObject({
      factors: ["hidden_size", "num_key_value_heads"],
      divisors: ["num_attention_heads"],
    });
    expect(child("q_layernorm")).toMatchObject({ when: "qk_layernorm" });
    expect(fields.find(({ name }) => name === "layer_norm_eps")).toMatchObject({ kind: "float", default: 1e-5 });
    expect(rope).toMatchObject({ partial_rotary_factor: 0.25 });
  });

  it("llama tells its norm from others by what it computes", async () => {
    const { classes } = await outlineOf("llama");
    expect(classes.find(({ name }) => name === "LlamaRMSNorm")).toMatchObject({
      like: "rounded_rms_norm",
      eps: { field: "rms_norm_eps" },
    });
  });

  it("a type that is no language model is refused by name", async () => {
    await expect(outlineOf("siglip_vision_model")).rejects.toThrow(/no causal language model 'siglip_vision_model'/);
  });
});

describe.skipIf(livePool === null)("the files", () => {
  it("compile, with nothing left to write but forwards", async () => {
    for (const path of ["package.json", "harness", "engines/typescript", "cases"])
      cpSync(join(packageRoot, path), join(folder, path), {
        recursive: true,
        filter: (source) => statSync(source).isDirectory() || /\.ts$|package\.json$/.test(source),
      });
    symlinkSync(join(packageRoot, "node_modules"), join(folder, "node_modules"));
    const written: string[] = [];
    for (const model_type of ["phi", "stablelm", "gpt_bigcode"]) {
      const outline = await outlineOf(model_type);
      const files = architectureFiles(
        outline,
        { models: "engines/typescript/models", faults: "engines/typescript/faults", cases: "cases" },
        inert,
      );
      written.push(...writeSkeleton(folder, files));
      expect(() => writeSkeleton(folder, files)).toThrow(/nothing was written/);
      expect(registryLine(outline)).toBe(
        `${outline.architecture}: architecture(${outline.config_class}, ${outline.architecture}),`,
      );
    }
    const [config, ambient] = [join(folder, "tsconfig.json"), "engines/typescript/kernels/webassembly.d.ts"];
    writeFileSync(
      config,
      JSON.stringify({ extends: join(packageRoot, "tsconfig.json"), files: [...written, ambient], include: [] }),
    );
    const tsc = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
    expect(spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" }).stdout).toBe("");
    const text = readFileSync(join(folder, "engines/typescript/models/phi.ts"), "utf8");
    expect(text.match(/not written: .*/g)).toEqual(
      ["Attention", "MLP", "DecoderLayer", "Model"].map((name) => `not written: forward of Phi${name}");`),
    );
    expect(text).toContain('k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"]);');
  });
});

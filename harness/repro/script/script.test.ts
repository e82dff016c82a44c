import { describe, expect, it } from "vitest";
import { parseSite } from "../../trace/site.ts";
import type { Subject, WholeSubject } from "./subject.ts";
import { moduleScript, tensorsScript, wholeModelScript } from "./script.ts";

const subject = (site: string, owner: string): Subject => ({
  title: "engine 1.0 differs from transformers 5.24.0: 434x noise, in prefill.",
  ...{ architecture: "SomeModel", dtype: "float32", site, parts: parseSite(site), owner, weights: "all" },
});
const whole = (site: string, owner: string, changes: Partial<WholeSubject> = {}): string =>
  wholeModelScript({
    ...subject(site, owner),
    ...{
      slices: [
        [0, 6],
        [6, 7],
      ],
      cached: true,
      media: false,
    },
    ...{ placed: [], placedInput: false, placedStates: [], placedCaches: [], ...changes },
  });

describe("a script for one module", () => {
  it("is as short as somebody would write it", () => {
    expect(moduleScript(subject("model.norm:out", "model.norm"), "")).toMatchInlineSnapshot(`
      """"engine 1.0 differs from transformers 5.24.0: 434x noise, in prefill.

      Site: model.norm:out
      """

      from pathlib import Path

      import torch
      import transformers
      from safetensors.torch import load_file

      here = Path(__file__).parent
      tensors = load_file(here / "tensors.safetensors")
      model = transformers.SomeModel.from_pretrained(
          here / "model", dtype=torch.float32, attn_implementation="eager", trust_remote_code=False
      ).eval()
      module = model.get_submodule("model.norm")
      with torch.no_grad():
          reference = module(tensors["input"])
      for name in ("expected", "found"):
          same = reference.shape == tensors[name].shape
          distance = (reference.double() - tensors[name].double()).abs().max().item() if same else tensors[name].shape
          print(f"max |transformers - {name}| = {distance}")
      "
    `);
  });

  it.each(['"""; import os; os.system("x") #', '\\"""\nimport os', 'a"', "a\\", "a\u2028\r\nimport os"])(
    "is no other script for a verdict that holds code: %j",
    (text) => {
      const script = moduleScript({ ...subject("model.norm:out", "model.norm"), title: text, site: text }, "");
      const [doc = "", ...rest] = script.slice(3).split('"""');
      expect(rest).toHaveLength(1);
      expect(doc).not.toContain("\\");
      expect(doc.split("\n")).toHaveLength(4);
    },
  );

  it("takes the second output of a module for :out.1", () => {
    expect(moduleScript(subject("a:out.1", "a"), "[1]")).toContain('reference = module(tensors["input"])[1]');
  });

  it("loads the module's weights alone from a large checkpoint", () => {
    const script = moduleScript({ ...subject("a:out", "a"), weights: "module" }, "");
    expect(script).toContain('with torch.device("meta")');
    expect(script).toContain("module.safetensors");
    expect(script).not.toContain("from_pretrained(\n");
  });
});

describe("a script for the whole model", () => {
  it("runs the phases before it first, with one cache", () => {
    const script = whole("logits", "");
    expect(script).toContain("slices = [(0, 6), (6, 7)]");
    expect(script).toContain("DynamicCache");
    expect(script).toContain("reference = output.logits");
  });

  it("recomputes scores from recorded queries and keys", () => {
    const script = whole("a.self_attn#scores", "a.self_attn", { placedStates: ["q_rope", "k_rope"] });
    expect(script).toContain('query = tensors["q_rope"]');
    expect(script).toContain("AttentionInterface.register");
  });

  it("lets the children of glue answer what was recorded", () => {
    const script = whole("a.mlp:in", "a", { placed: ["a.norm"], placedInput: true });
    expect(script).toContain('    "a.norm",');
    expect(script).toContain('get_submodule("a.mlp").register_forward_pre_hook');
  });

  it("tells calls with a text argument apart", () => {
    expect(whole("rotary:out@full", "rotary")).toContain('if "full" in (*args, *kwargs.values())');
  });

  it("looks into the cache for a cache site", () => {
    expect(whole("cache.3.key", "")).toContain("reference = cache.layers[3].keys");
  });
});

it.each([moduleScript(subject("a:out", "a"), ""), whole("a#probs", "a"), tensorsScript(subject("a:in", ""))])(
  "no script imports lockstep",
  (script) => {
    expect(script).not.toMatch(/lockstep/);
  },
);

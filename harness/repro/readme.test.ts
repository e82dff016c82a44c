import { describe, expect, it } from "vitest";
import { counterfactual } from "../verdict/explanation.ts";
import type { Culprit } from "../verdict/culprit.ts";
import { noise } from "../verdict/test-sites.ts";
import { renderReproReadme } from "./readme.ts";

type Facts = Parameters<typeof renderReproReadme>[0];

const culprit: Culprit = {
  ...{ site: "a:out", phase: "prefill", why: noise(9), where: [], inherited: false, shapes: null, also: [] },
};
const verdict = {
  case: "tiny/text",
  engine: { name: "mine", version: "1.0", versions: {}, fault: "wrongEps" },
  reference: { name: "transformers", version: "5.24.0", versions: { torch: "2.13.0+cpu", transformers: "5.24.0" } },
  ...{ dtype: "float32", seed: 0, culprit, rerun: { engine: "mine", fault: "wrong-eps" } },
} as unknown as Facts["verdict"];

function readme(changes: Partial<Facts> = {}): string {
  return renderReproReadme({
    ...{ verdict, site: "a:out", phase: "prefill", why: noise(9), local: true, padded: false },
    ...{ kind: "module", weights: "all", printed: "max |transformers - found| = 0.5", ...changes },
  });
}

describe("the README of a reproduction", () => {
  it("names engine, fault, case and versions, and what the script prints", () => {
    expect(readme()).toContain(
      "Engine mine 1.0, with the planted fault `wrong-eps`; case `tiny/text`, float32, seed 0",
    );
    expect(readme()).toContain("pip install torch==2.13.0 transformers==5.24.0 safetensors");
    expect(readme()).toContain("```\nmax |transformers - found| = 0.5\n```");
  });

  it.each(["2.0 --index-url https://x.example", "2.0; touch pwned", "$(touch pwned)", "-r x", "2.0\ntouch pwned"])(
    "puts no version that is none into a line for the shell: %j",
    (torch) => {
      const reference = { ...verdict.reference, versions: { torch, transformers: "5.24.0" } };
      const text = readme({ verdict: { ...verdict, reference } });
      expect(text).toContain("```sh\npip install transformers==5.24.0 safetensors\npython repro.py\n```");
    },
  );

  it("shows names as text, whatever they hold", () => {
    const engine = { ...verdict.engine, name: "`x` <img src=y>\n# z", version: "\u001b[31m", fault: undefined };
    const text = readme({ verdict: { ...verdict, engine } as unknown as Facts["verdict"] });
    expect(text).toContain("Engine &#96;x&#96; &#60;img src=y&#62; # z");
  });

  it("says that a large model's directory is the script's argument", () => {
    expect(readme({ kind: "model", weights: "module" })).toContain("python repro.py path/to/the/checkpoint");
    expect(readme({ kind: "model", weights: "all" })).not.toContain("path/to/the/checkpoint");
  });

  it("admits that a script only compares the saved tensors", () => {
    expect(readme({ kind: "tensors" })).toContain("no shorter way to compute it again was found");
  });

  it("gives the cause that was found at this site, and at no other", () => {
    const candidate = counterfactual.parse({
      id: "norm",
      category: "norm",
      changes: [{ kind: "applied twice", operation: "rsqrt" }],
      part: null,
      fitted: 0,
      form: false,
      about: [],
      sources: [{ file: "norm.py", line: 3, text: "x.rsqrt()" }],
      ratio: 1,
      phases: [],
    });
    const explanation = { status: "explained" as const, tried: 3, ratio: 9, seconds: 1, candidates: [candidate] };
    const explained = { ...verdict, culprit: { ...culprit, explanation } };
    expect(readme({ verdict: explained })).toContain("Likely cause: `rsqrt` is applied twice (`norm.py:3: x.rsqrt()`)");
    expect(readme({ verdict: explained, site: "b:out" })).not.toContain("Likely cause");
  });
});

import { code, text } from "../report/markdown-escape.ts";
import { harmlessVerdict } from "../verdict/harmless.ts";
import type { Verdict } from "../verdict/schema.ts";
import { changeText, sourceText } from "../verdict/words/change.ts";
import { whyText } from "../verdict/words/why.ts";
import type { Why } from "../verdict/site.ts";

const ways = {
  module: "The script calls this one module of transformers on the input that the engine recorded for it.",
  model:
    "The script runs the whole model of transformers on the case's inputs. What the engine recorded around the site takes the place of the model's own tensors there, so that only this place's own work shows.",
  tensors:
    "The script compares the two saved tensors: `expected` was computed by transformers on what the engine recorded before this site, and no shorter way to compute it again was found.",
} as const;

/**
 * The README of a reproduction: what differs, how to run it, what it prints and what the files are. Ready to be pasted
 * into an issue.
 */
export function renderReproReadme(facts: {
  readonly verdict: Verdict;
  readonly site: string;
  readonly phase: string;
  readonly why: Why;
  readonly local: boolean;
  readonly padded: boolean;
  readonly kind: keyof typeof ways;
  readonly weights: "all" | "module" | "elsewhere";
  readonly printed: string;
}): string {
  const { site, phase, why, kind, weights, printed, padded, local } = facts;
  const verdict = harmlessVerdict(facts.verdict);
  const { engine, reference, dtype, seed } = verdict;
  const fault = engine.fault ? `, with the planted fault ${code(verdict.rerun?.fault ?? engine.fault)}` : "";
  // A reader pastes the line into a shell: what is no version, as a file may say, is not put into it.
  const versions = Object.entries(reference.versions)
    .map(([name, version]) => [name, version.split("+")[0]!] as const)
    .filter(([name, version]) => ["torch", "transformers"].includes(name) && /^\d[\w.]*$/.test(version));
  const needs = versions.map(([name, version]) => `${name}==${version}`).join(" ");
  const argument = kind === "model" && weights === "module" ? " path/to/the/checkpoint" : "";
  return `${[
    `# ${code(site)} differs from transformers`,
    "",
    `Engine ${text(`${engine.name} ${engine.version}`)}${fault}; case ${code(verdict.case)}, ${text(dtype)}, seed ${seed}, phase ${code(phase)}: ${whyText(why)}${local ? ", on the engine's own input" : ""}.`,
    ...causeLines(verdict, site),
    "",
    "```sh",
    `pip install ${needs} safetensors`,
    `python repro.py${argument}`,
    "```",
    "",
    "prints",
    "",
    "```",
    printed,
    "```",
    "",
    ways[kind],
    "",
    "- `tensors.safetensors`: `found` is the engine's tensor, `expected` what transformers makes there; the others are what the engine recorded on the way.",
    ...(padded ? ["- Elements of padding tokens were made equal in both: nobody compares them."] : []),
    ...(kind === "model" ? ["- `inputs.safetensors`: the inputs of the model."] : []),
    ...(kind === "tensors"
      ? []
      : [`- \`model/\`: config.json and ${weights === "all" ? "all weights" : "the weights of the module alone"}.`]),
  ].join("\n")}\n`;
}

/** The change of transformers that gives what the engine has, where one was found for this site. */
function causeLines({ culprit }: Verdict, site: string): string[] {
  const { status, candidates = [] } = (culprit?.site === site && culprit.explanation) || { status: "unexplained" };
  const [first] = candidates;
  if (!first || status === "unexplained") return [];
  const source = first.sources.length === 0 ? "" : ` (\`${sourceText(first.sources)}\`)`;
  const only = status === "explained" ? "" : "; other changes fit as well";
  return [
    "",
    `Likely cause: ${changeText(first)}${source}. With this change transformers gives the engine's tensor to within rounding${only}.`,
  ];
}

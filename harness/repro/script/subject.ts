/** The subjects of scripts, and the lines that all scripts share. */
import { plainLine } from "../../trace/harmless.ts";
import type { SiteParts } from "../../trace/site.ts";

/** The subject of a script: a site, and the module that does its work. Files lie beside the script. */
export interface Subject {
  /** First line of the docstring. */
  readonly title: string;
  /** Class name in transformers. */
  readonly architecture: string;
  readonly dtype: string;
  readonly site: string;
  readonly parts: SiteParts;
  /** The module that does the work. */
  readonly owner: string;
  /**
   * all: the checkpoint is beside the script; module: only the owner's weights; elsewhere: the checkpoint's directory
   * is the script's argument.
   */
  readonly weights: "all" | "module" | "elsewhere";
}

/** The subject of a script that runs the whole model, and what takes the place of the model's own tensors in it. */
export interface WholeSubject extends Subject {
  /** [start, end) of each forward over the tokens; the last one is the phase in question. */
  readonly slices: readonly (readonly [number, number])[];
  /** True when the forwards share a KV cache. */
  readonly cached: boolean;
  /** Images, audio or video among the inputs. */
  readonly media: boolean;
  /** Modules whose recorded outputs take the place of the model's own, so that only the owner's own work shows. */
  readonly placed: readonly string[];
  /** True when the owner's recorded input takes the place of the model's own. */
  readonly placedInput: boolean;
  /** Functional sites of the owner whose recorded tensors take the place of the model's own: q_rope, k_rope, value. */
  readonly placedStates: readonly string[];
  /** Caches of the phase before whose recorded tensors take the place of the model's own: `cache.3.key`. */
  readonly placedCaches: readonly string[];
}

/** Lines that make the model, by where its weights are. */
export const constructing = {
  all: ({ architecture, dtype }: Subject) => [
    `model = transformers.${architecture}.from_pretrained(`,
    `    here / "model", dtype=torch.${dtype}, attn_implementation="eager", trust_remote_code=False`,
    ").eval()",
  ],
  elsewhere: ({ architecture, dtype }: Subject) => [
    "checkpoint = sys.argv[1]  # the directory of the model, too large to be part of this folder",
    `model = transformers.${architecture}.from_pretrained(`,
    `    checkpoint, dtype=torch.${dtype}, attn_implementation="eager", trust_remote_code=False`,
    ").eval()",
  ],
  module: ({ architecture, dtype }: Subject) => [
    'config = transformers.AutoConfig.from_pretrained(here / "model", trust_remote_code=False)',
    'with torch.device("meta"):  # only this module has weights here',
    `    model = transformers.${architecture}(config).to(torch.${dtype}).eval()`,
  ],
};

/** Lines that print the distance of the model from both saved tensors. */
export const printing = [
  'for name in ("expected", "found"):',
  "    same = reference.shape == tensors[name].shape",
  "    distance = (reference.double() - tensors[name].double()).abs().max().item() if same else tensors[name].shape",
  '    print(f"max |transformers - {name}| = {distance}")',
];

/** A script of these imports and this body, with its docstring. */
export function assemble({ title, site }: Subject, imports: readonly string[], body: readonly string[]): string {
  const standard = imports.filter((line) => ["import inspect", "import sys"].includes(line));
  const others = imports.filter((line) => !standard.includes(line));
  return [
    `"""${docText(title)}`,
    "",
    `Site: ${docText(site)}`,
    '"""',
    "",
    ...standard,
    "from pathlib import Path",
    "",
    ...others,
    "",
    "here = Path(__file__).parent",
    'tensors = load_file(here / "tensors.safetensors")',
    ...body,
    "",
  ].join("\n");
}

/** A text as a string of Python. */
export const quote = (text: string): string => JSON.stringify(text);

/** A text of the verdict as a line of a docstring that it can't end: the script is run, and handed on. */
function docText(text: string): string {
  return plainLine(text).replaceAll("\\", "/").replaceAll('"', "'");
}

/**
 * The script of a reproduction: Python for `torch` and `transformers` alone, as somebody who files an issue would write
 * it.
 */
import { plainLine } from "../trace/harmless.ts";
import type { SiteParts } from "../trace/site.ts";

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

const constructing = {
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

const printing = [
  'for name in ("expected", "found"):',
  "    same = reference.shape == tensors[name].shape",
  "    distance = (reference.double() - tensors[name].double()).abs().max().item() if same else tensors[name].shape",
  '    print(f"max |transformers - {name}| = {distance}")',
];

/** Calls one module on its saved input. `pick` chooses the output of a module that returns several, as in `[0]`. */
export function moduleScript(subject: Subject, pick: string): string {
  const { owner, weights } = subject;
  return assemble(
    subject,
    ["import torch", "import transformers", "from safetensors.torch import load_file"],
    [
      ...constructing[weights](subject),
      `module = model.get_submodule(${quote(owner)})`,
      ...(weights === "module"
        ? ['module.to_empty(device="cpu").load_state_dict(load_file(here / "model" / "module.safetensors"))']
        : []),
      "with torch.no_grad():",
      `    reference = module(tensors["input"])${pick}`,
      ...printing,
    ],
  );
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

/**
 * Runs the whole model on the saved inputs; what was recorded around the site takes the place of the model's own
 * tensors.
 */
export function wholeModelScript(subject: WholeSubject): string {
  const { owner, weights, parts, slices, cached } = subject;
  const attention = parts.functional !== null;
  return assemble(
    subject,
    [
      "import inspect",
      ...(weights === "elsewhere" ? ["import sys"] : attention ? ["import sys"] : []),
      "import torch",
      "import transformers",
      "from safetensors.torch import load_file",
    ],
    [
      'inputs = load_file(here / "inputs.safetensors")',
      ...constructing[weights](subject),
      `owner = model.get_submodule(${quote(owner)})`,
      "seen = []",
      "",
      ...(attention ? attentionLines(subject) : []),
      ...helperLines(subject),
      "",
      'mask = inputs.pop("attention_mask", torch.ones_like(inputs["input_ids"]))',
      'inputs["position_ids"] = (mask.cumsum(-1) - 1).masked_fill(mask == 0, 0)',
      "accepted = inspect.signature(model.forward).parameters",
      ...(cached
        ? [
            'cache_name = "cache" if "cache" in accepted else "past_key_values"',
            "cache = transformers.DynamicCache(config=model.config)",
          ]
        : []),
      `slices = [${slices.map(([start, end]) => `(${start}, ${end})`).join(", ")}]`,
      "for start, end in slices:",
      "    if (start, end) == slices[-1]:",
      ...placingLines(subject).map((line) => `        ${line}`),
      ...callLines(subject).map((line) => `    ${line}`),
      ...resultLines(subject),
      ...printing,
    ],
  );
}

/** Compares the two saved tensors with each other: for a site that no model of transformers has to run for. */
export function tensorsScript(subject: Subject): string {
  return assemble(
    subject,
    ["from safetensors.torch import load_file"],
    ['reference = tensors["expected"]', ...printing],
  );
}

function assemble({ title, site }: Subject, imports: readonly string[], body: readonly string[]): string {
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

/**
 * Lines of Python that get the tensor of each functional site from the attention function of the owner. `query`, `key`
 * and `value` are the recorded ones.
 */
const attentionSites: Readonly<Record<string, readonly string[]>> = {
  q_rope: ["seen.append(own[0])"],
  k_rope: ["seen.append(own[1])"],
  value: ["seen.append(own[2])"],
  scores: [
    "keys = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)",
    'scaling = kwargs.get("scaling")',
    "scores = query @ keys.mT * (query.shape[-1] ** -0.5 if scaling is None else scaling)",
    'softcap = kwargs.get("softcap")',
    "seen.append(scores if softcap is None else torch.tanh(scores / softcap) * softcap)",
  ],
  mask: [
    "everything = torch.ones(query.shape[0], 1, query.shape[2], key.shape[2], dtype=torch.bool)",
    "seen.append(everything if mask is None else mask == 0)",
  ],
  probs: ["seen.append(eager(module, query, key, value, mask, **kwargs)[1])"],
  context: ["seen.append(eager(module, query, key, value, mask, **kwargs)[0])"],
};

/** Functional sites for which there is a script. */
export const attentionSiteNames: readonly string[] = Object.keys(attentionSites);

function attentionLines({ parts, placedStates }: WholeSubject): string[] {
  const put = (name: string, variable: string): string[] =>
    placedStates.includes(name)
      ? [`        ${variable} = torch.cat([${variable}[:, :, : -query.shape[2]], tensors["${name}"]], dim=2)`]
      : [];
  return [
    "eager = sys.modules[type(owner).__module__].eager_attention_forward",
    "",
    "",
    "def attention(module, query, key, value, mask, **kwargs):",
    "    if module is owner and placing:",
    "        length = query.shape[2]",
    "        own = (query, key[:, :, -length:], value[:, :, -length:])",
    ...(placedStates.includes("q_rope") ? ['        query = tensors["q_rope"]'] : []),
    ...put("k_rope", "key"),
    ...put("value", "value"),
    ...attentionSites[parts.functional!]!.map((line) => `        ${line}`),
    "    return eager(module, query, key, value, mask, **kwargs)",
    "",
    "",
    'transformers.AttentionInterface.register("seen", attention)',
    'transformers.AttentionMaskInterface.register("seen", transformers.masking_utils.eager_mask)',
    'model.set_attn_implementation("seen")',
    "placing = False",
  ];
}

function helperLines({ placed, placedInput, parts }: WholeSubject): string[] {
  const replacesInput = placedInput;
  return [
    ...(replacesInput || parts.port === "in"
      ? [
          "",
          "",
          "def first_tensor(args, kwargs):",
          '    named = [kwargs.get(name) for name in ("hidden_states", "inputs_embeds", "input_ids", "x")]',
          "    return next(value for value in (*named, *args, *kwargs.values()) if isinstance(value, torch.Tensor))",
        ]
      : []),
    ...(replacesInput
      ? [
          "",
          "",
          "def with_input(module, args, kwargs):",
          "    old = first_tensor(args, kwargs)",
          '    new = tensors["input"]',
          "    args = tuple(new if value is old else value for value in args)",
          "    return args, {name: new if value is old else value for name, value in kwargs.items()}",
        ]
      : []),
    ...(placed.length > 0
      ? [
          "",
          "",
          "def answering(tensor):",
          "    def hook(module, args, output):",
          "        if isinstance(output, torch.Tensor):",
          "            return tensor",
          "        return (tensor, *output[1:]) if isinstance(output, tuple) else output",
          "",
          "    return hook",
          "",
        ]
      : []),
  ];
}

/** Lines of Python that put the recorded tensors in place just before the forward in question. */
function placingLines(subject: WholeSubject): string[] {
  const { parts, owner, placed, placedInput, placedCaches } = subject;
  const lines = [
    ...(parts.functional === null ? [] : ["placing = True"]),
    ...placedCaches.map((cache) => {
      const [, layer, kind] = cache.split(".");
      return `cache.layers[${layer}].${kind}s = tensors["before.${cache}"].clone()`;
    }),
    ...(placedInput ? ["owner.register_forward_pre_hook(with_input, with_kwargs=True)"] : []),
    ...(placed.length > 0
      ? [
          "for path in (",
          ...placed.map((path) => `    ${quote(path)},`),
          "):",
          '    model.get_submodule(path).register_forward_hook(answering(tensors[f"{path}:out"]))',
        ]
      : []),
    ...watchingLines(parts, owner),
  ];
  return lines.length > 0 ? lines : ["pass"];
}

function watchingLines({ port, module, call }: SiteParts, owner: string): string[] {
  if (port === null) return [];
  const target = module === owner ? "owner" : `model.get_submodule(${quote(module)})`;
  const ofThisCall =
    call === "" || /^\d+$/.test(call) ? "" : ` if ${quote(call)} in (*args, *kwargs.values()) else None`;
  const watch = (kind: string, signature: string, value: string): string =>
    `${target}.${kind}(lambda ${signature}: seen.append(${value})${ofThisCall}, with_kwargs=True)`;
  return port === "in"
    ? [watch("register_forward_pre_hook", "module, args, kwargs", "first_tensor(args, kwargs)")]
    : [watch("register_forward_hook", "module, args, kwargs, output", "output")];
}

function callLines({ cached, media }: WholeSubject): string[] {
  return [
    "per_token = {name: value[:, start:end] for name, value in inputs.items() if value.shape == mask.shape}",
    "others = {name: value for name, value in inputs.items() if value.shape != mask.shape and start == 0}",
    `arguments = {**per_token, **others, "attention_mask": mask[:, ${cached ? ":end" : "start:end"}], "use_cache": ${cached ? "True" : "False"}}`,
    ...(media
      ? [
          'if hasattr(model, "create_masks_for_generate"):  # as `generate` does it',
          '    arguments["attention_mask"] = model.create_masks_for_generate(',
          "        config=model.config,",
          `        inputs_embeds=torch.empty(*per_token["input_ids"].shape, 0, dtype=model.dtype),`,
          '        attention_mask=arguments["attention_mask"],',
          `        cache=${cached ? "cache" : "None"},`,
          '        position_ids=per_token["position_ids"],',
          '        mm_token_type_ids=per_token.get("mm_token_type_ids"),',
          "        is_first_iteration=start == 0,",
          "    )",
        ]
      : []),
    ...(cached ? ["arguments[cache_name] = cache"] : []),
    "with torch.no_grad():",
    "    output = model(**{name: value for name, value in arguments.items() if name in accepted})",
  ];
}

function resultLines({ site, parts: { port, call, module, functional } }: WholeSubject): string[] {
  const place = /^\d+$/.test(call) ? call : "0";
  if (site === "logits") return ["reference = output.logits"];
  const cache = /^cache\.(\d+)\.(key|value)$/.exec(module);
  if (cache) return [`reference = cache.layers[${cache[1]}].${cache[2]}s`];
  if (functional !== null || port === "in") return [`reference = seen[${place}]`];
  const which = port === "out" ? "0" : port!.slice("out.".length);
  return [
    `reference = seen[${place}]`,
    `reference = reference if isinstance(reference, torch.Tensor) else reference[${which}]`,
  ];
}

const quote = (text: string): string => JSON.stringify(text);

/** A text of the verdict as a line of a docstring that it can't end: the script is run, and handed on. */
function docText(text: string): string {
  return plainLine(text).replaceAll("\\", "/").replaceAll('"', "'");
}

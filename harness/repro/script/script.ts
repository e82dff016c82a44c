/**
 * The script of a reproduction: Python for `torch` and `transformers` alone, as somebody who files an issue would write
 * it.
 */
import { attentionLines } from "./attention.ts";
import { helperLines, placingLines } from "./placing.ts";
import type { Subject, WholeSubject } from "./subject.ts";
import { assemble, constructing, printing, quote } from "./subject.ts";

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

/** Lines that put recorded tensors in the place of the model's own, and watch the site. */
import type { SiteParts } from "../../trace/site.ts";
import type { WholeSubject } from "./subject.ts";
import { quote } from "./subject.ts";

/** Lines of the functions that the hooks are made of. */
export function helperLines({ placed, placedInput, parts }: WholeSubject): string[] {
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
export function placingLines(subject: WholeSubject): string[] {
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

/** Lines that get the tensor of a functional site from inside attention. */
import type { WholeSubject } from "./subject.ts";

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

/** Lines that put a watching attention function in the place of the model's. */
export function attentionLines({ parts, placedStates }: WholeSubject): string[] {
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

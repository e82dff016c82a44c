import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { Tokenizer } from "@huggingface/tokenizers";
import { EngineError } from "../../../harness/engine/implementation.ts";
import type { Result } from "../../../harness/engine/protocol.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";

/** The tokenizer of a checkpoint. */
export interface TextTokenizer {
  encode(text: string, options: { readonly chat: boolean }): Result<"tokenize">;
  decode(ids: readonly number[]): string;
}

/**
 * Loads the tokenizer of a checkpoint. @throws EngineError `badInput` when there is none, or one that can't be read.
 */
export function loadTokenizer(checkpoint: string): TextTokenizer {
  const files = ["tokenizer.json", "tokenizer_config.json"].map((name) => join(checkpoint, name)) as [string, string];
  if (!files.every((file) => existsSync(file)))
    throw new EngineError(errorCodes.badInput, "the checkpoint has no tokenizer", {
      expected: files.join(" and "),
      where: checkpoint,
      remedy: "copy them there, or give token ids in place of a text",
    });
  const [tokenizer, config] = files.map(readJson) as [object, Record<string, unknown>];
  const own = new Tokenizer(tokenizer, config);
  return {
    encode(text, { chat }) {
      const written = chat ? asChat(checkpoint, config, text) : text;
      const { ids, tokens } = own.encode(written, { add_special_tokens: !chat });
      return { ids: [...ids], tokens: [...tokens] };
    },
    decode: (ids) => own.decode([...ids]),
  };
}

/** `text` as the user's first message, and the beginning of the answer. */
function asChat(checkpoint: string, config: Record<string, unknown>, text: string): string {
  const file = join(checkpoint, "chat_template.jinja");
  const template = existsSync(file) ? readFileSync(file, "utf8") : config["chat_template"];
  if (typeof template !== "string")
    throw new EngineError(errorCodes.badInput, "the checkpoint has no chat template", {
      expected: `${file}, or chat_template in tokenizer_config.json`,
      where: checkpoint,
      remedy: "leave out the chat format",
    });
  const messages = [{ role: "user", content: text }];
  const { bos_token, eos_token } = config;
  return new Template(template).render({ messages, add_generation_prompt: true, bos_token, eos_token });
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new EngineError(errorCodes.badInput, `${file} is not JSON: ${(error as Error).message}`, { where: file });
  }
}

/** The tokens that end a text, from generation_config.json or config.json. */
export function endTokens(checkpoint: string, config: Readonly<Record<string, unknown>>): number[] {
  const file = join(checkpoint, "generation_config.json");
  const settings = existsSync(file) ? (readJson(file) as Record<string, unknown>) : config;
  const ids = settings["eos_token_id"] ?? [];
  return (Array.isArray(ids) ? ids : [ids]).filter((id) => typeof id === "number");
}

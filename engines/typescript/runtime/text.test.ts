import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { endTokens, loadTokenizer } from "./text.ts";
import { testFolder } from "../../../harness/trace/test-folder.ts";

/** Words and spaces, with one special token. */
const tokenizer = {
  version: "1.0",
  added_tokens: [
    { id: 0, content: "<s>", special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
  ],
  normalizer: null,
  pre_tokenizer: { type: "WhitespaceSplit" },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
  },
  decoder: null,
  model: {
    type: "WordLevel",
    vocab: { "<s>": 0, hello: 1, world: 2, "[user]": 3, "[answer]": 4, "?": 5 },
    unk_token: "?",
  },
};

function folder(files: Readonly<Record<string, unknown>>): string {
  const directory = testFolder();
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(directory, name), typeof content === "string" ? content : JSON.stringify(content));
  return directory;
}
const files = { "tokenizer.json": tokenizer, "tokenizer_config.json": { tokenizer_class: "PreTrainedTokenizerFast" } };

describe("tokenizer", () => {
  test("adds the special tokens that the checkpoint asks for", () => {
    const found = loadTokenizer(folder(files)).encode("hello world", { chat: false });
    expect(found).toEqual({ ids: [0, 1, 2], tokens: ["<s>", "hello", "world"] });
  });

  test("the chat template stands around a message, and brings its own special tokens", () => {
    const template =
      "{% for m in messages %}[user] {{ m.content }} {% endfor %}{% if add_generation_prompt %}[answer]{% endif %}";
    const own = loadTokenizer(folder({ ...files, "chat_template.jinja": template }));
    expect(own.encode("hello world", { chat: true }).ids).toEqual([3, 1, 2, 4]);
  });

  test("a checkpoint without a tokenizer, or without a template, is refused with what to do", () => {
    expect(() => loadTokenizer(folder({}))).toThrow(/no tokenizer/);
    expect(() => loadTokenizer(folder(files)).encode("hello", { chat: true })).toThrow(/no chat template/);
    expect(() => loadTokenizer(folder({ ...files, "tokenizer.json": "{" }))).toThrow(/tokenizer.json is not JSON/);
  });
});

test.each([
  [{ "generation_config.json": { eos_token_id: [7, 9] } }, { eos_token_id: 1 }, [7, 9]],
  [{}, { eos_token_id: 1 }, [1]],
  [{}, { eos_token_id: null }, []],
])("end tokens of %j and %j", (written, config, expected) => {
  expect(endTokens(folder(written), config)).toEqual(expected);
});

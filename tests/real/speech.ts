/** Speech for whisper: features as `npm run models` has made them, and the words of token ids. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensorsIndex, readTensor } from "../../harness/trace/safetensors.ts";
import type { RawTensor } from "../../harness/trace/tensor.ts";
import { realModel } from "./models.ts";

/** "<|startoftranscript|><|en|><|transcribe|><|notimestamps|>" of the multilingual models. */
export const transcribe = [50_258, 50_259, 50_359, 50_363];
/** "<|endoftext|>" */
export const endOfText = 50_257;

/** The features [1, 80, 3000] of a recording of Sense and Sensibility: its number in the file's name. */
export function featuresOf(recording: string): RawTensor {
  const file = join(realModel("speech"), `sense_and_sensibility_01_austen_64kb-${recording}.safetensors`);
  return readTensor(readSafetensorsIndex(file).entries.get("input_features")!);
}

/** The words that are spoken in a recording, in lower case, without the markers of the transcription file. */
export function wordsOf(recording: string): string {
  const lines = readFileSync(join(realModel("speech"), "transcription"), "utf8").split("\n");
  const line = lines.find((text) => text.endsWith(`-${recording})`))!;
  return line.replaceAll(/<\/?s>|\(.*\)/g, "").trim();
}

/** A detokenizer of the byte-level vocabulary beside the checkpoint in `directory`; special tokens say nothing. */
export function readVocabulary(directory: string): (ids: readonly number[]) => string {
  const { model } = JSON.parse(readFileSync(join(directory, "tokenizer.json"), "utf8")) as {
    model: { vocab: Record<string, number> };
  };
  const pieces = new Map(Object.entries(model.vocab).map(([piece, id]) => [id, piece]));
  return (ids) => {
    const text = ids.map((id) => (id >= endOfText ? "" : pieces.get(id)!)).join("");
    return Buffer.from([...text].map((letter) => byteOf(letter.codePointAt(0)!))).toString("utf8");
  };
}

/**
 * The byte that a letter of a byte-level vocabulary stands for: itself where it can be seen, the others are moved
 * behind 255 in order.
 */
function byteOf(letter: number): number {
  const seen = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte !== 173);
  if (letter < 256) return letter;
  const hidden = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !seen(byte));
  return hidden[letter - 256]!;
}

/** Entry of the page's script: reads the embedded data and draws. */
import { render } from "preact";
import type { PackedDocument } from "../packed.ts";
import { App } from "./app.tsx";

/** The data are plain JSON, or when that would be large, JSON compressed with gzip in base64. */
async function readData(): Promise<PackedDocument> {
  const text = document.getElementById("data")?.textContent ?? "";
  const data: PackedDocument | string = JSON.parse(text);
  if (typeof data !== "string") return data;
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as PackedDocument;
}

const root = document.getElementById("root");
if (root) {
  const packed = await readData();
  root.replaceChildren();
  render(<App packed={packed} />, root);
}

import "lockstep/vitest";
import { expect, it } from "vitest";
import { tinyLlama } from "./engine/tiny-llama.ts";

// The matchers by themselves: a case by its name, or as what defineCase returns.
it("does what Llama does, from the embeddings to the first layer's queries", async () => {
  const sites = ["model.embed_tokens:*", "*.input_layernorm:*", "*.q_proj:*", "*#q_rope"];
  await expect(tinyLlama()).toMatchGolden("tiny_llama/text", { sites });
});

import { defineParitySuite } from "lockstep/vitest";
import { tinyLlama } from "./engine/tiny-llama.ts";

// One test for each case in cases/, against the recorded references in golden/: no Python.
defineParitySuite("cases/**", { engine: tinyLlama(), against: "golden" });

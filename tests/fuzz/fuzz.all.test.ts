/** A slice of each fuzz stage. */
import { testStages } from "./stages.ts";

testStages(1, { files: 300, messages: 300, json: 140, kills: 6 });

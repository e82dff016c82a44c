/** The fuzz stages: 10,000 files and messages, and 100 kills. */
import { testStages } from "./stages.ts";

testStages(2, { files: 4000, messages: 3000, json: 3000, kills: 100 });

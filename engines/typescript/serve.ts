import { serveEngine } from "../../harness/engine/serve.ts";
import { TypeScriptEngine } from "./runtime/engine.ts";

await serveEngine(new TypeScriptEngine());

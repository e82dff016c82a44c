/**
 * Case files import `lockstep` wherever they lie: beside a clone, in a folder without node_modules. They get the
 * modules that this command runs, so that a case is defined and run by one and the same code.
 */
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { codeRoot, packageRoot } from "../engine/registry.ts";

const ending = codeRoot === packageRoot ? "ts" : "js";
const modules: Readonly<Record<string, string>> = {
  lockstep: "harness/index",
  "lockstep/vitest": "harness/vitest/index",
  "lockstep/vitest/reporter": "harness/vitest/reporter",
};

/** Lets every import of this package's name lead to the running code. */
export function serveOwnPackage(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const module = Object.hasOwn(modules, specifier) ? modules[specifier] : undefined;
      if (module === undefined) return next(specifier, context);
      return { url: pathToFileURL(join(codeRoot, `${module}.${ending}`)).href, shortCircuit: true };
    },
  });
}

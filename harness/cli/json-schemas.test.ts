import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../engine/registry.ts";
import { publishedSchemas } from "./json-schemas.ts";

it.each(Object.entries(publishedSchemas()))("docs/%s is up to date (npm run schemas)", (name, schema) => {
  expect(JSON.parse(readFileSync(join(packageRoot, "docs", name), "utf8"))).toEqual(JSON.parse(JSON.stringify(schema)));
});

/** docs/protocol.md names every method, notification, capability and error code of the published schema. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { publishedSchemas } from "../../harness/cli/json-schemas.ts";
import { packageRoot } from "../../harness/engine/registry.ts";

interface Schema {
  readonly properties: Readonly<Record<string, Schema>>;
}

interface Protocol {
  readonly methods: Readonly<Record<string, { readonly result: Schema }>>;
  readonly notifications: object;
  readonly error_codes: Readonly<Record<string, number>>;
  readonly error_data: Schema;
}

const read = (name: string): string => readFileSync(join(packageRoot, name), "utf8");
const page = read("docs/protocol.md");
const protocol = publishedSchemas()["protocol.schema.json"] as Protocol;

/** The first cells of the table that has this heading, without their quotes. */
function column(heading: string): string[] {
  const rows = page.slice(page.search(new RegExp(`^\\| ${heading} `, "m"))).split("\n");
  const end = rows.findIndex((row) => !row.startsWith("|"));
  return rows.slice(2, end).map((row) => row.split("|")[1]!.trim().replaceAll("`", ""));
}

const capabilities = Object.keys(protocol.methods["hello"]!.result.properties["capabilities"]!.properties);

describe("docs/protocol.md", () => {
  it("has a row for every method", () => {
    expect(column("method").toSorted()).toEqual(Object.keys(protocol.methods).toSorted());
  });

  it("has a row for every notification", () => {
    expect(column("notification").toSorted()).toEqual(Object.keys(protocol.notifications).toSorted());
  });

  it("has a row for every error code, and for those of JSON-RPC that are sent", () => {
    const own = Object.values(protocol.error_codes).map(String);
    expect(own.length).toBeGreaterThan(3);
    expect(column("code").toSorted()).toEqual([...own, "-32700", "-32600", "-32601", "-32602"].toSorted());
  });

  it.each([...capabilities, ...Object.keys(protocol.error_data.properties)])("names %s", (name) => {
    expect(page).toContain(`\`${name}\``);
  });
});

it.each(["docs/protocol.schema.json", "engines/python/lockstep_engine/protocol.schema.json"])(
  "%s is what npm run schemas writes",
  (file) => expect(JSON.parse(read(file))).toEqual(JSON.parse(JSON.stringify(protocol))),
);

import { afterEach, describe, expect, it } from "vitest";
import type { EngineObject } from "./in-process.ts";
import { createPool } from "./pool.ts";

const pool = createPool({ report: () => undefined });
afterEach(() => pool.close());

function engineOf(version: string): EngineObject {
  return { name: "same", version, load: () => undefined, run: () => undefined };
}

describe("objects in a pool", () => {
  it("have names of their own, the same for the same object", async () => {
    const [first, second] = [engineOf("1"), engineOf("2")];
    const names = [first, second, first].map((engine) => pool.attach(engine));
    expect(names).toEqual(["object:same", "object:same:2", "object:same"]);
    expect((await pool.get("object:same:2")).hello.version).toBe("2");
  });

  it("stay warm, and start again after they were closed", async () => {
    const name = pool.attach(engineOf("1"));
    const warm = await pool.get(name);
    expect(await pool.get(name)).toBe(warm);
    await pool.close();
    expect(warm.alive()).toBe(false);
    expect((await pool.get(name)).alive()).toBe(true);
  });

  it("are not known before they are attached", async () => {
    await expect(pool.get("object:nobody")).rejects.toThrow(/unknown engine "object:nobody"/);
  });
});

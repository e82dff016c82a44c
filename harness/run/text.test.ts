import { expect, test } from "vitest";
import { firstDifference } from "./text.ts";

const tokens = (...ids: number[]) => ({ ids, tokens: ids.map((id) => `t${id}`) });

test("equal tokens do not differ", () => expect(firstDifference(tokens(1, 2), tokens(1, 2))).toBeNull());

test.each([
  [tokens(1, 2, 3), tokens(1, 7, 3), { position: 1, expected: '"t2" (2)', found: '"t7" (7)' }],
  [tokens(1, 2), tokens(1), { position: 1, expected: '"t2" (2)', found: null }],
  [tokens(), tokens(5), { position: 0, expected: null, found: '"t5" (5)' }],
])("%j and %j part at the first that differs", (expected, found, difference) => {
  expect(firstDifference(expected, found)).toEqual(difference);
});

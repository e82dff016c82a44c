import { describe, expect, test } from "vitest";
import { KernelMemory } from "./memory.ts";
import { PAGE_TOKENS, PagedStates } from "./pages.ts";

/** States [2 heads, tokens, 1 channel]: head 0 counts from `first`, head 1 is negative. */
function states(first: number, tokens: number): Float32Array {
  const run = Array.from({ length: tokens }, (_, i) => first + i);
  return Float32Array.from([...run, ...run.map((value) => -value)]);
}
const sizes = { heads: 2, dim: 1 };

describe("paged states", () => {
  test("grow in place while there is room", () => {
    const short = PagedStates.from(states(1, 3), sizes);
    const long = short.append(states(4, 2));
    expect(long.place.numbers).toBe(short.place.numbers);
    expect([...long.expand()]).toEqual([...states(1, 5)]);
    expect([...short.expand()]).toEqual([...states(1, 3)]);
  });

  test("move when the pages are full, and lose nothing", () => {
    let run = PagedStates.from(states(1, 1), sizes);
    const before = run.place.numbers;
    for (let token = 2; token <= 3 * PAGE_TOKENS; token++) run = run.append(states(token, 1));
    expect(run.place.numbers).not.toBe(before);
    expect([...run.expand()]).toEqual([...states(1, 3 * PAGE_TOKENS)]);
  });

  test("two continuations of one run don't see each other", () => {
    const shared = PagedStates.from(states(1, 3), sizes);
    const [left, right] = [shared.append(states(10, 1)), shared.append(states(20, 1))];
    expect([...left.expand()]).toEqual([1, 2, 3, 10, -1, -2, -3, -10]);
    expect([...right.expand()]).toEqual([1, 2, 3, 20, -1, -2, -3, -20]);
  });

  test("a window moves without copying", () => {
    const run = PagedStates.from(states(1, 5), sizes);
    const window = run.without(3);
    expect(window.place.numbers).toBe(run.place.numbers);
    expect([...window.append(states(6, 1)).expand()]).toEqual([4, 5, 6, -4, -5, -6]);
  });

  test("a window over a long text stays in few pages", () => {
    let window = PagedStates.from(states(1, 1), sizes);
    for (let token = 2; token <= 20 * PAGE_TOKENS; token++) {
      window = window.append(states(token, 1));
      if (window.tokens > 7) window = window.without(window.tokens - 7);
    }
    expect(window.place.room).toBe(PAGE_TOKENS);
    expect([...window.expand()]).toEqual([...states(20 * PAGE_TOKENS - 6, 7)]);
  });
});

describe("memory", () => {
  test("what was released is given out again, joined with its neighbours", () => {
    const memory = new KernelMemory();
    const [a, b, c] = [memory.reserve(64)!, memory.reserve(64)!, memory.reserve(64)!];
    memory.release(a, 64);
    memory.release(b, 64);
    expect(memory.reserve(128)).toBe(a);
    expect(memory.reserve(64)).toBeGreaterThan(c);
  });

  test("a full memory says so", () => {
    const memory = new KernelMemory();
    expect(memory.reserve(4 * 2 ** 30)).toBeNull();
    expect(() => memory.push(5 * 2 ** 30)).toThrow(/memory is full/);
  });
});

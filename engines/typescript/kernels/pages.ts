import { openScratch } from "./memory.ts";

/** Tokens that a cache grows by. */
export const PAGE_TOKENS = 64;

/**
 * The memory of the keys or the values of a layer: [heads, room, dim], of which the first `used` tokens of every head
 * have been written.
 */
class Pages {
  readonly heads: number;
  readonly room: number;
  readonly dim: number;
  readonly numbers: Float32Array;
  used = 0;

  /**
   * Takes its pages from the memory of the open scratch scope, which takes them back when nobody holds them any more;
   * without one, from an array of their own.
   */
  constructor(heads: number, room: number, dim: number) {
    this.heads = heads;
    this.room = room;
    this.dim = dim;
    this.numbers = openScratch()?.lend(this, heads * room * dim) ?? new Float32Array(heads * room * dim);
  }
}

/**
 * A run of tokens in pages that have room for more behind it: a cache grows in place, and a window moves, without
 * copying. Never changed itself: what is written behind it belongs to the longer run that `append` returns.
 */
export class PagedStates {
  readonly #pages: Pages;
  readonly #start: number;
  readonly tokens: number;

  private constructor(pages: Pages, start: number, tokens: number) {
    this.#pages = pages;
    this.#start = start;
    this.tokens = tokens;
  }

  /** A copy of `states` [heads, tokens, dim] with room for more. */
  static from(states: Float32Array, { heads, dim }: { heads: number; dim: number }): PagedStates {
    const tokens = states.length / (heads * dim);
    return new PagedStates(new Pages(heads, roomFor(tokens), dim), 0, 0).append(states);
  }

  get length(): number {
    return this.#pages.heads * this.tokens * this.#pages.dim;
  }

  /** All pages, the number of the first element of the run in them, and how many tokens a head has room for. */
  get place(): { numbers: Float32Array; offset: number; room: number } {
    const { numbers, dim, room } = this.#pages;
    return { numbers, offset: this.#start * dim, room };
  }

  /** The run with the tokens of `states` [heads, more, dim] behind it. */
  append(states: Float32Array): PagedStates {
    const { heads, dim, room } = this.#pages;
    const more = states.length / (heads * dim);
    const end = this.#start + this.tokens;
    if (end + more > room || end !== this.#pages.used) return this.#moved(more).append(states);
    write(this.#pages, end, states, more);
    this.#pages.used = end + more;
    return new PagedStates(this.#pages, this.#start, this.tokens + more);
  }

  /** The run without its first `count` tokens. */
  without(count: number): PagedStates {
    return new PagedStates(this.#pages, this.#start + count, this.tokens - count);
  }

  /** A copy in pages of its own, with room for `more` tokens and a page. */
  #moved(more: number): PagedStates {
    const { heads, dim } = this.#pages;
    const moved = new PagedStates(new Pages(heads, roomFor(this.tokens + more), dim), 0, 0);
    return this.tokens === 0 ? moved : moved.append(this.expand());
  }

  /** The tokens [heads, tokens, dim], copied. */
  expand(): Float32Array {
    const { heads, dim, numbers, room } = this.#pages;
    const run = this.tokens * dim;
    const out = new Float32Array(heads * run);
    for (let head = 0; head < heads; head++) {
      const from = (head * room + this.#start) * dim;
      out.set(numbers.subarray(from, from + run), head * run);
    }
    return out;
  }
}

function write({ heads, dim, numbers, room }: Pages, at: number, states: Float32Array, tokens: number): void {
  const run = tokens * dim;
  for (let head = 0; head < heads; head++)
    numbers.set(states.subarray(head * run, (head + 1) * run), (head * room + at) * dim);
}

/** A whole number of pages with at least half a page free. */
function roomFor(tokens: number): number {
  return Math.ceil((tokens + PAGE_TOKENS / 2) / PAGE_TOKENS) * PAGE_TOKENS;
}

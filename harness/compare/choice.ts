import type { Flips, Judgement } from "../verdict/site.ts";
import { dtypeBytes, isFloating } from "../trace/dtypes.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { measure } from "./distance.ts";
import type { Numbers } from "./distance.ts";
import type { Rules, TapTriple } from "./judge.ts";
import { visibleNumbers } from "./judge.ts";

/** The two outputs of a router: logits [..., experts], and the experts that it chose by them, integers [..., k]. */
export interface Routing {
  readonly logits: TapTriple;
  readonly choice: TapTriple;
}

/** A judged choice. */
export interface JudgedChoice {
  readonly judgement: Judgement;
  /**
   * A tensor per choice [..., k] (the weights), all sides in the engine's order; rows in which not all sides chose the
   * same are zero on all.
   */
  align(triple: TapTriple): TapTriple;
}

/** A choice may flip when both logits are off by the limit, in opposite directions. */
const directions = 2;

/**
 * Judges which experts a router chose. The order of the k is free: the weights must follow it. Where an engine chose
 * another expert, the two logits decide: closer than rounding can tell apart they are a tie, and the choice passes and
 * says so; so it does when float64 makes the engine's choice. Null for what is no choice: sides of different shapes, or
 * reference values that are no distinct columns of the logits.
 */
export function judgeChoice({ logits, choice }: Routing, rules: Rules): JudgedChoice | null {
  const shape = choice.reference.shape;
  const [k, experts] = [shape.at(-1) ?? 0, logits.reference.shape.at(-1) ?? 0];
  if (!agree(choice) || !agree(logits) || isFloating(choice.reference.dtype) || k === 0 || k > experts) return null;
  if (logits.reference.shape.slice(0, -1).join() !== shape.slice(0, -1).join()) return null;
  const [engine, reference, oracle] = numbersOf(choice, rules) as [Numbers, Numbers, Numbers];
  if (!areColumns(choice.reference, experts)) return null;
  const values = numbersOf(logits, rules) as [Numbers, Numbers, Numbers];
  const dtype = logits.reference.dtype as "F32";
  const { noise } = measure({
    ...{ engine: values[0], reference: values[1], oracle: values[2], columns: experts, dtype },
    ...(rules.relativeNoise !== undefined && { relativeNoise: rules.relativeNoise }),
  }).distance;
  const rows = reference.length / k;
  const order = [new Int32Array(rows * k), new Int32Array(rows * k)] as const;
  const ties: Flip[] = [];
  const wrong: Flip[] = [];
  for (let row = 0; row < rows; row++) {
    const [ours, theirs, exact] = [engine, reference, oracle].map((all) => [...all.subarray(row * k, row * k + k)]);
    const places = [theirs!, exact!].map((other) => placesIn(other, ours!));
    const [sameAsReference, sameAsOracle] = places.map((all) => new Set(all).size === k && !all.includes(-1));
    const agreed = sameAsReference! && sameAsOracle!;
    places.forEach((all, side) => order[side]!.set(agreed ? all : all.fill(-1), row * k));
    if (sameAsReference!) continue;
    const gap = largestGap(ours!, theirs!, values[2].subarray(row * experts, (row + 1) * experts)) / noise;
    const flip = { row, found: ours!, expected: theirs!, gap: Number.isFinite(gap) ? gap : null };
    (sameAsOracle! || gap <= directions * rules.limit ? ties : wrong).push(flip);
  }
  const judgement: Judgement =
    wrong.length > 0
      ? { status: "fail", why: { kind: "choice", flips: together(wrong, rows) } }
      : { status: "pass", ...(ties.length > 0 && { tie: together(ties, rows) }) };
  const identity = Int32Array.from(order[0], (found, index) => (found < 0 ? -1 : index % k));
  return {
    judgement,
    align: (triple) => {
      const { engine: ours, reference: theirs, oracle: exact } = triple;
      const alike = [ours, theirs, exact].every((tensor) => tensor.shape.join() === shape.join());
      if (!alike) return triple;
      return {
        ...triple,
        engine: reordered(ours, identity, k),
        reference: reordered(theirs, order[0], k),
        oracle: reordered(exact, order[1], k),
      };
    },
  };
}

/**
 * The place in `others` of each of `values`, -1 where it is not there; its own place where both are equal (hidden rows
 * are all zero).
 */
function placesIn(others: readonly number[], values: readonly number[]): number[] {
  const equal = values.every((value, place) => value === others[place]);
  return values.map((value, place) => (equal ? place : others.indexOf(value)));
}

/**
 * The rows of `tensor` [..., k] in the order of rising numbers in the rows of `choice` [..., k]: a router may name what
 * it chose in any order.
 */
export function inOrderOfChoice(tensor: RawTensor, choice: RawTensor): RawTensor {
  const k = choice.shape.at(-1) ?? 0;
  if (k === 0 || tensor.shape.join() !== choice.shape.join()) return tensor;
  const numbers = visibleNumbers("", choice, {});
  const order = Int32Array.from(numbers, (_, index) => index % k);
  for (let start = 0; start < order.length; start += k)
    order.subarray(start, start + k).sort((a, b) => numbers[start + a]! - numbers[start + b]!);
  return reordered(tensor, order, k);
}

/** One row in which other experts were chosen; `gap` of the logits in noise units. */
type Flip = Flips["first"];

function together(flips: readonly Flip[], rows: number): Flips {
  return { count: flips.length, rows, first: flips[0]! };
}

/**
 * The largest difference between the logits of columns that only one side chose; not a number for columns that are not
 * there.
 */
function largestGap(found: readonly number[], expected: readonly number[], logits: Numbers): number {
  const only = (own: readonly number[], other: readonly number[]) => own.filter((column) => !other.includes(column));
  const gaps = only(found, expected).flatMap((a) =>
    only(expected, found).map((b) => Math.abs((logits[b] ?? Number.NaN) - (logits[a] ?? Number.NaN))),
  );
  return gaps.length === 0 ? Number.NaN : Math.max(...gaps);
}

function agree({ engine, reference, oracle }: TapTriple): boolean {
  return (
    engine.shape.join() === reference.shape.join() &&
    oracle.shape.join() === reference.shape.join() &&
    engine.dtype === reference.dtype
  );
}

function numbersOf(triple: TapTriple, rules: Rules): Numbers[] {
  return [triple.engine, triple.reference, triple.oracle].map((tensor) => visibleNumbers(triple.site, tensor, rules));
}

function areColumns(choice: RawTensor, experts: number): boolean {
  const k = choice.shape.at(-1)!;
  const values = visibleNumbers("", choice, {});
  for (let row = 0; row < values.length / k; row++) {
    const columns = values.subarray(row * k, row * k + k);
    if (new Set(columns).size < k || columns.some((column) => !(column >= 0 && column < experts))) return false;
  }
  return true;
}

/** Rows of k elements, place `i` of the flat result from place `order[i]` of its row, zero where that is -1. */
function reordered({ dtype, shape, bytes }: RawTensor, order: Int32Array, k: number): RawTensor {
  const size = dtypeBytes[dtype];
  const result = new Uint8Array(bytes.byteLength);
  for (let index = 0; index < order.length; index++) {
    if (order[index]! < 0) continue;
    const source = (index - (index % k) + order[index]!) * size;
    result.set(bytes.subarray(source, source + size), index * size);
  }
  return { dtype, shape, bytes: result };
}

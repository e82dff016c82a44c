/** Clauses about changes of masks: they name the parts in which two rules differ. */
import type { ChangeOf } from "../../change.ts";
import type { Words } from "./shared.ts";

type Rule = ChangeOf<"mask rule">["found"];

const keys: Readonly<Record<Rule["keys"], string>> = {
  "up to the query": "keys up to the query",
  "before the query": "keys before the query only",
  all: "keys after the query, too",
};

const blocks: Readonly<Record<Rule["blocks"], string>> = {
  none: "no bidirectional blocks",
  each: "each image bidirectional",
  images: "each image, but no video, bidirectional",
  videos: "each video, but no image, bidirectional",
  media: "all media tokens as one bidirectional block",
  runs: "each run of media tokens bidirectional",
};

const wholes: Readonly<Record<ChangeOf<"whole mask">["to"], string>> = {
  inverted: "the mask is inverted",
  transposed: "the mask is transposed: keys and queries are exchanged",
  "first sequence for all": "the mask is that of the first sequence for all",
  "first query for all": "the mask is that of the first query for all",
  "last query for all": "the mask is that of the last query for all",
};

const packings: Readonly<Record<ChangeOf<"packing">["to"], string>> = {
  "all as one": "all packed sequences (windows, frames, images) attend together as one",
  "every two as one": "every two packed sequences (windows, frames, images) attend together as one",
  "last two as one": "the last two packed sequences (windows, frames, images) attend together as one",
};

export const maskWords = {
  "mask rule": ({ expected, found }) => `the mask has ${joined(differences(found, expected))}`,
  "whole mask": ({ to }) => wholes[to],
  packing: ({ to }) => packings[to],
} satisfies Partial<Words>;

function differences(found: Rule, expected: Rule): string[] {
  const beside = (ours: string, theirs: string): string[] =>
    ours === theirs ? [] : [`${ours} (${theirs} in the reference)`];
  return [
    ...beside(keys[found.keys], keys[expected.keys]),
    ...beside(windowText(found), windowText(expected)),
    ...beside(chunkText(found), chunkText(expected)),
    ...beside(blocks[found.blocks], blocks[expected.blocks]),
    ...cutText(found, expected),
    ...(found.padding === expected.padding ? [] : [found.padding ? "padding hidden" : "padding that is read"]),
    ...(found.past === expected.past ? [] : [`tokens of earlier phases ${found.past ? "that are read" : "hidden"}`]),
    ...shiftText(found, expected),
  ];
}

/** `a`, `a and b`, `a, b and c`. */
function joined(parts: readonly string[]): string {
  return [parts.slice(0, -1).join(", "), ...parts.slice(-1)].filter(Boolean).join(" and ");
}

function windowText({ window, symmetric }: Rule): string {
  if (window === 0) return "no window";
  return `a window of ${window} keys${symmetric ? " to both sides" : ""}`;
}

function chunkText({ chunk }: Rule): string {
  return chunk === 0 ? "no chunks" : `chunks of ${chunk} tokens`;
}

function cutText(found: Rule, expected: Rule): string[] {
  const both = found.blocks !== "none" && expected.blocks !== "none";
  if (!both || found.block_in_window === expected.block_in_window) return [];
  return [found.block_in_window ? "blocks that the window cuts, too" : "blocks that reach beyond the window"];
}

function shiftText(found: Rule, expected: Rule): string[] {
  const by = found.shift - expected.shift;
  if (by === 0) return [];
  const tokens = `${Math.abs(by)} ${Math.abs(by) === 1 ? "token" : "tokens"}`;
  return [`queries taken to be ${tokens} ${by > 0 ? "further on" : "further back"} than they are`];
}

import { describe, expect, it } from "vitest";
import { moveTo, offsetsOf, rowAt, windowOf } from "./virtual";

const ROWS = Array.from({ length: 10_000 }, (_, index) => index);

describe("which rows are drawn", () => {
  const offsets = offsetsOf(ROWS, (row) => (row % 100 === 0 ? 76 : 44));

  it("knows where each row of mixed heights begins", () => {
    expect([...offsets.slice(0, 4)]).toEqual([0, 76, 120, 164]);
    expect(offsets[10_000]).toBe(100 * 76 + 9_900 * 44);
  });

  it("finds the row at any height", () => {
    expect([0, 75, 76, 119, 120].map((top) => rowAt(offsets, top))).toEqual([0, 0, 1, 1, 2]);
    expect(rowAt(offsets, 1e9)).toBe(9_999);
  });

  it("covers the viewport, and little more", () => {
    for (const top of [0, 4_321, 200_000, 442_000]) {
      const { first, end } = windowOf(offsets, top, 600, 8);
      expect(offsets[first]).toBeLessThanOrEqual(top);
      expect(offsets[end]).toBeGreaterThanOrEqual(Math.min(top + 600, offsets[10_000] ?? 0));
      expect(end - first).toBeLessThanOrEqual(Math.ceil(600 / 44) + 2 + 16);
    }
  });

  it("draws nothing of nothing", () => {
    expect(windowOf(offsetsOf([], 44), 0, 600, 8)).toEqual({ first: 0, end: 0 });
  });
});

describe("where keys lead", () => {
  it.each([
    ["ArrowDown", 3, 4],
    ["j", 9, 9],
    ["k", 0, 0],
    ["ArrowUp", 3, 2],
    ["PageDown", 3, 8],
    ["PageUp", 3, 0],
    ["Home", 7, 0],
    ["End", 2, 9],
    ["x", 2, undefined],
  ])("%s from row %d to %s", (key, from, to) => expect(moveTo(key, from, 10, 5)).toBe(to));
});

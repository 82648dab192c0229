import { expect, it } from "vitest";
import { sampled, withGaps } from "./series";

it("puts nothing where nothing was measured", () => {
  const series = [{ label: "CPU", values: [0.1, 0.2, 0.3] }];
  expect(withGaps([0, 60, 600], series, 60)).toEqual([
    [0, 60, 120, 600],
    [0.1, 0.2, null, 0.3],
  ]);
});

it("joins what came a little late", () => {
  expect(withGaps([0, 120], [{ label: "CPU", values: [1, 2] }], 60)[0]).toEqual([0, 120]);
});

it("samples evenly and keeps the last", () => {
  expect(sampled(5, 24)).toEqual([0, 1, 2, 3, 4]);
  const rows = sampled(1000, 24);
  expect(rows.length).toBeLessThanOrEqual(24);
  expect(rows.at(-1)).toBe(999);
});

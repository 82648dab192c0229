import { expect, it } from "vitest";

import type { Metric } from "$lib/api";

import { chartsOf, chartsOfStorage } from "./charts";

const nothing = { cpu: null, memory_used: null, memory: null, disk_used: null, disk: null, netin: null, netout: null };
const point = (at: number, measured: Partial<Metric> = {}): Metric => ({ at, ...nothing, ...measured });
const labels = (points: Metric[]) => chartsOf(points, "Limit").map(({ label }) => label);

it("shows CPU, memory, disk and network, and the disk only if somebody knows how full it is", () => {
  expect(labels([point(0), point(60, { disk: 8, disk_used: 3 })])).toEqual(["CPU", "Memory", "Disk", "Network"]);
  expect(labels([point(0, { disk: 8 })])).toEqual(["CPU", "Memory", "Network"]);
  expect(labels([])).toEqual(["CPU", "Memory", "Network"]);
});

it("draws what is used beside what there is", () => {
  const measured = point(0, { memory_used: 1, memory: 2, disk_used: 3, disk: 4 });
  const drawn = chartsOf([measured], "Limit").map(({ lines }) => lines.map(({ label, of }) => [label, of(measured)]));
  expect(drawn[1]).toEqual([
    ["Used", 1],
    ["Limit", 2],
  ]);
  expect(drawn[2]).toEqual([
    ["Used", 3],
    ["Size", 4],
  ]);
  const [space] = chartsOfStorage;
  expect(space?.lines.map(({ of }) => of({ at: 0, used: 1, total: null }))).toEqual([1, null]);
});

it("puts what happened on the first chart alone", () => {
  const markers = [{ at: 5, label: "stopped" }];
  expect(chartsOf([point(0)], "Limit", markers).map((chart) => chart.markers)).toEqual([markers, undefined, undefined]);
});

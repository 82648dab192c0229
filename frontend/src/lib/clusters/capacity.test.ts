import { describe, expect, it } from "vitest";

import { diskOf, distinct, isOutdated, memoryOf, share, storagesOf } from "./capacity";

const storage = (node: string, name: string, shared: boolean, used: number | null) => ({
  node,
  name,
  shared,
  total: 100,
  figures: { used },
});

describe("capacity", () => {
  it("counts a shared storage once and one of each node for each node", () => {
    const all = [
      storage("a", "local", false, 10),
      storage("b", "local", false, 20),
      storage("a", "nfs", true, 5),
      storage("b", "nfs", true, 5),
    ];
    expect(distinct(all).map(({ node, name }) => `${node}/${name}`)).toEqual(["a/local", "b/local", "a/nfs"]);
    expect(storagesOf(all)).toEqual({ used: 35, whole: 300 });
  });

  it("leaves out what is not known, and is unknown when nothing is", () => {
    expect(storagesOf([storage("a", "x", false, null), storage("a", "y", false, 1)])).toEqual({ used: 1, whole: 100 });
    expect(memoryOf([{ memory: 8, figures: undefined }])).toBeNull();
    expect(memoryOf([{ memory: 8, figures: { memory_used: 2 } }])).toEqual({ used: 2, whole: 8 });
    expect(diskOf(undefined)).toBeNull();
    expect(diskOf({ disk: 8, disk_used: null })).toBeNull();
    expect(diskOf({ disk: 8, disk_used: 0 })).toEqual({ used: 0, whole: 8 });
  });

  it("is outdated when its node was measured long since", () => {
    const at = (minute: number) => `2026-11-23T13:0${minute}:00Z`;
    expect(isOutdated(at(0), at(2))).toBe(false);
    expect(isOutdated(at(0), at(3))).toBe(true);
    // the node is told of no more, or nothing was measured yet
    expect([isOutdated(at(3), at(0)), isOutdated(at(0), undefined), isOutdated(undefined, at(3))]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("is no share of nothing", () => {
    expect(share(null)).toBeUndefined();
    expect(share({ used: 0, whole: 0 })).toBeUndefined();
    expect(share({ used: 1, whole: 4 })).toBe(0.25);
  });
});

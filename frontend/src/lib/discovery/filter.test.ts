import { describe, expect, it } from "vitest";

import type { Guest } from "$lib/api";

import { ASKS, filterOf, fits } from "./filter";

const guest = (values: Partial<Guest>) =>
  ({
    cluster_id: "c",
    vmid: 101,
    name: "jellyfin",
    node: "pve1",
    app: "jellyfin",
    tags: ["media"],
    ...values,
  }) as Guest;
const container = guest({ adoptable: true, ignored: false });
const machine = guest({ adoptable: false, ignored: false });
const ignored = guest({ adoptable: true, ignored: true });
const of = (search: string) =>
  [container, machine, ignored].map((one) => fits(one, filterOf(new URLSearchParams(search)), () => ["10.0.0.7"]));

describe("the filter of discovery", () => {
  it("shows at first what can be adopted", () => {
    expect(of("")).toEqual([true, false, false]);
    expect(of("show=nonsense")).toEqual([true, false, false]);
  });

  it("shows the others when they are asked for", () => {
    expect(of("show=other")).toEqual([false, true, false]);
    expect(of("show=ignored")).toEqual([false, false, true]);
    expect(of("show=all")).toEqual([true, true, true]);
  });

  it("keeps to words and cluster", () => {
    expect(of("q=MEDIA+pve1&show=all")).toEqual([true, true, true]);
    expect(of("q=10.0.0.7+jelly&show=all")).toEqual([true, true, true]);
    expect(of("q=nextcloud&show=all")).toEqual([false, false, false]);
    expect(of("cluster=other&show=all")).toEqual([false, false, false]);
  });
});

describe("what is asked of several at once", () => {
  it("goes to those that it can be asked of", () => {
    const asked = (what: keyof typeof ASKS) => [container, machine, ignored].filter(ASKS[what]);
    expect(asked("adopt")).toEqual([container]);
    expect(asked("ignore")).toEqual([container, machine]);
    expect(asked("notice")).toEqual([ignored]);
  });
});

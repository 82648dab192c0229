import { describe, expect, it } from "vitest";

import type { Application, Guest } from "$lib/api";

import { groupsOf, type Standing } from "./groups";

const application = (id: string, node: string | null) =>
  ({ id, name: id, recipe: "memos", cluster_id: "c", node, vmid: null, address: "10.0.0.7" }) as Application;
const guest = (vmid: number, node: string, name: string) =>
  ({ id: `c-${vmid}`, cluster_id: "c", vmid, node, name, app: null }) as Guest;
const standing: Standing = {
  nodes: ["a", "b"].map((name) => ({ id: `c/${name}`, cluster_id: "c", name })),
  applications: [application("notes", "b"), application("waiting", null)],
  guests: [guest(100, "b", "pihole"), guest(101, "z", "lost")],
};

const shown = (words: string) =>
  groupsOf(standing, words).map(({ node, entries }) => [node, entries.map(({ id }) => id)]);

describe("the rack", () => {
  it("shows every node, ours before the others, and at last what has no place yet", () => {
    expect(shown("")).toEqual([
      ["a", []],
      ["b", ["notes", "c-100"]],
      ["z", ["c-101"]],
      [null, ["waiting"]],
    ]);
  });

  it("shows with a filter only what fits all its words", () => {
    expect(shown("PIHOLE b")).toEqual([["b", ["c-100"]]]);
    expect(shown("memos 10.0")).toEqual([
      ["b", ["notes"]],
      [null, ["waiting"]],
    ]);
    expect(shown("nothing")).toEqual([]);
  });
});

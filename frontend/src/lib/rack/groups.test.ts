import { describe, expect, it } from "vitest";

import type { Application, Guest } from "$lib/api";

import { groupsOf, settled, type Standing } from "./groups";

const application = (id: string, node: string | null) =>
  ({ id, name: id, recipe: "memos", cluster_id: "c", node, vmid: null, address: "10.0.0.7" }) as Application;
const guest = (vmid: number, node: string, name: string) =>
  ({ id: `c-${vmid}`, cluster_id: "c", vmid, node, name, app: null }) as Guest;
const standing: Standing = {
  nodes: ["a", "b"].map((name) => ({ id: `c/${name}`, cluster_id: "c", name })),
  applications: [application("notes", "b"), application("waiting", null)],
  guests: [guest(100, "b", "pihole"), guest(101, "z", "lost")],
  addresses: (id) => (id === "c-101" ? ["192.168.1.101"] : []),
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
    expect(shown("192.168.1.101")).toEqual([["z", ["c-101"]]]);
    expect(shown("nothing")).toEqual([]);
  });

  it("is the same one as long as nothing moves, comes or goes", () => {
    const before = groupsOf(standing, "");
    const [pihole, lost] = standing.guests as [Guest, Guest];
    const now = (guests: Guest[]) => settled(before, groupsOf({ ...standing, guests }, ""));
    expect(now([{ ...pihole, name: "adguard" }, lost])).toBe(before);
    for (const guests of [[pihole], [lost, pihole], [{ ...pihole, node: "a" }, lost]])
      expect(now(guests)).toEqual(groupsOf({ ...standing, guests }, ""));
  });
});

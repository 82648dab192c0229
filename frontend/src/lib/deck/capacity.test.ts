import { describe, expect, it } from "vitest";

import { allStoragesOf, cpuOf } from "./capacity";

describe("the capacity of everything", () => {
  it("weighs a node's CPU by its cores, and leaves out who does not tell", () => {
    const nodes = [
      { cpus: 4, online: true, figures: { cpu: 0.5 } },
      { cpus: 12, online: true, figures: { cpu: 0.25 } },
      { cpus: 64, online: false, figures: { cpu: 1 } },
      { cpus: 8, online: true, figures: undefined },
    ];
    expect(cpuOf(nodes)).toEqual({ used: 5, whole: 16 });
    expect(cpuOf([])).toBeNull();
  });

  it("counts a shared storage once in each cluster", () => {
    const storage = (cluster_id: string, node: string) => ({
      cluster_id,
      node,
      name: "nfs",
      shared: true,
      total: 100,
      figures: { used: 10 },
    });
    expect(allStoragesOf([storage("a", "1"), storage("a", "2"), storage("b", "1")])).toEqual({ used: 20, whole: 200 });
    expect(allStoragesOf([])).toBeNull();
  });
});

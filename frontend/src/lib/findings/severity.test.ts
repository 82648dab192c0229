import { describe, expect, it } from "vitest";

import type { Finding } from "$lib/api";

import { commandOf, hrefOf, isAcceptable, isSomebodys, keyOf, severityOf } from "./severity";

const CLUSTER = "0f8fad5b-d9cb-469f-a165-70867728950e";
const finding = (values: Partial<Finding>) => ({ cluster_id: CLUSTER, ...values }) as Finding;

describe("a finding", () => {
  it("of an application leads to it, and can be accepted if it is of a setting", () => {
    const changed = finding({
      id: "application/a1/configuration_changed:mp0/1",
      category: "application",
      aggregate_id: "a1",
      kind: "configuration_changed",
    });
    expect(hrefOf(changed)).toBe("/apps/a1");
    expect(keyOf(changed)).toBe("configuration_changed:mp0/1");
    expect(isAcceptable(changed)).toBe(true);
    expect(severityOf(changed)).toBe("warn");
  });

  it("of an operation leads to its application, is nobody's doing, and is urgent when nobody works on it", () => {
    const of = (kind: string) =>
      finding({ id: `application/a1/${kind}`, category: "application", aggregate_id: "a1", kind });
    expect(hrefOf(of("task_unseen"))).toBe("/apps/a1");
    expect([severityOf(of("task_unseen")), severityOf(of("deadline_passed"))]).toEqual(["err", "warn"]);
    expect(["task_unseen", "deadline_passed", "gone"].map((kind) => isSomebodys(of(kind)))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("of a container of ours that nobody has leads to its adoption, and tells how to remove it", () => {
    const guest = `${CLUSTER}-105`;
    const orphan = finding({ id: `guest/${guest}/orphan`, category: "guest", aggregate_id: guest, kind: "orphan" });
    expect(hrefOf(orphan)).toBe(`/discovery/${guest}/adopt`);
    expect(commandOf(orphan)).toBe("pct destroy 105");
    expect(isAcceptable(orphan)).toBe(false);
  });

  it("of a node leads to the node, of anything else of a cluster to the cluster", () => {
    const of = (key: string, kind: string) =>
      finding({ id: `cluster/${CLUSTER}/${key}`, category: "cluster", aggregate_id: CLUSTER, kind });
    expect(hrefOf(of("offline:pve2", "node_offline"))).toBe(`/nodes/${CLUSTER}/pve2`);
    expect(hrefOf(of("away", "cluster_away"))).toBe(`/clusters/${CLUSTER}`);
    expect(severityOf(of("away", "cluster_away"))).toBe("err");
  });
});

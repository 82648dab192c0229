import { describe, expect, it } from "vitest";

import type { Application, Cluster, Finding, Operation } from "$lib/api";

import { attention, type Known } from "./attention";

const application = (id: string, values: Partial<Application> = {}) =>
  ({ id, name: id, failure: null, ...values }) as Application;
const operation = (id: string, target: string, status: Operation["status"], at = "2026-01-01T00:00:00Z") =>
  ({ id, kind: "start", target, target_name: target, status, cause: null, accepted_at: at, ended_at: at }) as Operation;
const finding = (id: string, kind: string, at: string) =>
  ({
    id: `application/notes/${id}`,
    category: "application",
    aggregate_id: "notes",
    subject_name: "notes",
    kind,
    opened_at: at,
    message: "It is so.",
  }) as Finding;
const known = (values: Partial<Known>): Known => ({
  applications: [application("notes")],
  clusters: [],
  findings: [],
  operations: [],
  ...values,
});
const titles = (values: Partial<Known>) => attention(known(values)).map(({ title }) => title);

describe("what needs a person", () => {
  it("is nothing when all is well", () => {
    expect(attention(known({ operations: [operation("o", "notes", "succeeded")] }))).toEqual([]);
  });

  it("is what failed last, not what was done again since, nor what is about something that is gone", () => {
    const again = [operation("new", "notes", "succeeded"), operation("old", "notes", "failed")];
    expect(titles({ operations: again })).toEqual([]);
    expect(titles({ operations: [...again].reverse() })).toEqual(["Start notes failed"]);
    expect(titles({ operations: [operation("o", "deleted", "failed")] })).toEqual([]);
  });

  it("leads to where it is told why, and asked for again where that is possible", () => {
    const operations = [operation("o", "notes", "failed")];
    const failure = { code: "x", message: "No space.", proxmox: "" };
    expect(attention(known({ operations, applications: [application("notes", { failure })] }))).toMatchObject([
      { href: "/apps/notes", todo: "See why, try again" },
    ]);
    expect(attention(known({ operations, applications: [], clusters: [{ id: "notes" } as Cluster] }))).toMatchObject([
      { href: "/operations/o", todo: "See why" },
    ]);
  });

  it("is what nobody can decide, however much was asked for since", () => {
    const operations = [operation("new", "notes", "succeeded"), operation("old", "notes", "undecided")];
    expect(attention(known({ operations }))).toMatchObject([{ href: "/operations/old", todo: "Say what is true" }]);
  });

  it("begins with the most urgent, and of those with the latest", () => {
    const findings = [
      finding("a", "renamed", "2026-01-03T00:00:00Z"),
      finding("b", "gone", "2026-01-01T00:00:00Z"),
      finding("c", "stopped_outside", "2026-01-02T00:00:00Z"),
    ];
    expect(titles({ findings })).toEqual([
      "notes: stopped, and should be running",
      "notes: its container is gone",
      "notes: renamed outside",
    ]);
  });

  it("tells once of a cluster that is away", () => {
    const clusters = [{ id: "c", name: "Home", status: "unreachable", failure: null } as Cluster];
    expect(titles({ clusters })).toEqual(["Home does not answer"]);
    const findings = [{ ...finding("away", "cluster_away", ""), category: "cluster", cluster_id: "c" } as Finding];
    expect(titles({ clusters, findings })).toEqual(["notes: the cluster does not answer"]);
  });

  it("remembers a failed application whose operation is long gone", () => {
    const failure = { code: "x", message: "No space.", proxmox: "" } as Application["failure"];
    expect(attention(known({ applications: [application("notes", { failure })] }))).toMatchObject([
      { title: "notes failed", text: "No space.", href: "/apps/notes" },
    ]);
  });
});

import { describe, expect, test } from "vitest";

import type { Application, Operation } from "$lib/api";

import { Overlay } from "./overlay";

const row = (changes: Partial<Application> = {}): Application =>
  ({ id: "app", status: "stopped", operation_id: null, ...changes }) as Application;
const operation = (status: Operation["status"]): Operation => ({ id: "op", target: "app", status }) as Operation;
const starting = { table: "applications", id: "app", values: { status: "starting" } } as const;

describe("what was asked for", () => {
  test("is shown at once, over the row and nothing else", () => {
    const overlay = new Overlay();
    overlay.expect("op", starting);
    expect(overlay.over("applications", row()).status).toBe("starting");
    expect(overlay.over("applications", row({ id: "other" })).status).toBe("stopped");
    expect(overlay.pending("applications", "app")).toBe("op");
  });

  test("leaves the row itself as it was", () => {
    const overlay = new Overlay();
    const held = row();
    overlay.expect("op", starting);
    overlay.over("applications", held);
    expect(held.status).toBe("stopped");
  });

  test("stays over rows that know nothing of it yet", () => {
    const overlay = new Overlay();
    overlay.expect("op", starting);
    expect(overlay.seenApplication(row({ name: "renamed" }))).toBe(false);
    expect(overlay.over("applications", row()).status).toBe("starting");
  });

  test("gives way to the server's own word, but its end is still awaited", () => {
    const overlay = new Overlay();
    overlay.expect("op", starting);
    expect(overlay.seenApplication(row({ operation_id: "op", status: "starting" }))).toBe(true);
    expect(overlay.over("applications", row({ status: "running" })).status).toBe("running");
    expect(overlay.seenOperation(operation("running"))).toBe(false);
    expect(overlay.pending("applications", "app")).toBe("op");
    expect(overlay.seenOperation(operation("failed"))).toBe(true);
    expect(overlay.pending("applications", "app")).toBeNull();
  });

  test("that was refused is not to be seen any more", () => {
    const overlay = new Overlay();
    overlay.expect("op", starting);
    expect(overlay.forget("op")).toBe(true);
    expect(overlay.over("applications", row()).status).toBe("stopped");
    expect(overlay.seenOperation(operation("failed"))).toBe(false);
  });

  test.each(["succeeded", "failed", "rejected", "cancelled", "undecided"] as const)("ends once when %s", (status) => {
    const overlay = new Overlay();
    overlay.expect("op", starting);
    expect(overlay.seenOperation(operation(status))).toBe(true);
    expect(overlay.seenOperation(operation(status))).toBe(false);
    expect(overlay.over("applications", row()).status).toBe("stopped");
  });

  test("of two, the later is on top, and the earlier again when it is refused", () => {
    const overlay = new Overlay();
    overlay.expect("op", starting);
    overlay.expect("second", { ...starting, values: { status: "stopping" } });
    expect(overlay.over("applications", row()).status).toBe("stopping");
    overlay.forget("second");
    expect(overlay.over("applications", row()).status).toBe("starting");
  });
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Application, Operation } from "$lib/api";
import { toasts } from "$lib/ui/toasts.svelte";

import { live } from "./live.svelte";
import { applications } from "./tables";

const NOTES = { id: "notes", name: "Notes", status: "stopped", operation_id: null } as Application;

beforeEach(() => {
  const snapshot = { epoch: "e", position: 1, applications: [NOTES], figures: {} };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(snapshot))));
  // jsdom has none
  vi.stubGlobal(
    "EventSource",
    class extends EventTarget {
      close = () => undefined;
    },
  );
});
afterEach(() => vi.unstubAllGlobals());

test("who signs in next sees and hears nothing of what the one before asked for", async () => {
  const ended = vi.fn();
  const leave = live.start();
  await vi.waitUntil(() => live.ready);
  live.expect("start", { table: "applications", id: "notes", values: { status: "starting" } }, ended);
  toasts.push({ key: "stop", tone: "err", title: "Notes could not be stopped" });
  expect(applications.get("notes")?.status).toBe("starting");
  expect(live.pending("applications", "notes")).toBe("start");
  leave();
  expect(applications.count).toBe(0);

  const leaveAgain = live.start();
  await vi.waitUntil(() => live.ready);
  expect(applications.get("notes")?.status).toBe("stopped");
  expect(live.pending("applications", "notes")).toBeUndefined();
  live.learn({ id: "start", status: "failed" } as Operation);
  expect(ended).not.toHaveBeenCalled();
  expect(toasts.items).toEqual([]);
  leaveAgain();
});

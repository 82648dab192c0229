import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Accepted, Application, Operation } from "$lib/api";
import { toasts } from "$lib/ui/toasts.svelte";

import { change, follow } from "./commands";
import { live } from "./live.svelte";
import { operations } from "./tables";

const NOTES = { id: "notes", name: "Notes" } as Application;
const fetched = vi.fn<(request: Request) => Promise<Response>>();
const told = () => toasts.items.map(({ title, text }) => `${title}: ${text}`);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", fetched);
  fetched.mockImplementation(() => Promise.resolve(new Response(JSON.stringify({} satisfies Partial<Accepted>))));
});
afterEach(() => {
  toasts.clear();
  history.replaceState(null, "", "/");
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Starts Notes and learns what became of it, on a page. */
async function started(status: Operation["status"], path: string): Promise<void> {
  await change("start", NOTES, NOTES.name);
  const id = fetched.mock.lastCall?.[0].headers.get("Idempotency-Key") ?? "";
  history.replaceState(null, "", path.replace(":id", id));
  live.learn({ id, kind: "start", target: NOTES.id, status, cause: { message: "Not now." } } as Operation);
}

test.each([
  ["failed", "/", 1],
  ["rejected", "/", 1],
  // its page shows a failure anyway, but nothing of what was never begun
  ["failed", "/apps/notes", 0],
  ["rejected", "/apps/notes", 1],
  ["rejected", "/operations/:id", 0],
  ["succeeded", "/", 0],
] as const)("what was %s is told at %s by %i toasts", async (status, path, count) => {
  await started(status, path);
  expect(told()).toHaveLength(count);
  for (const words of told()) expect(words).toMatch(/Notes.*: Not now\./);
});

test.each(["before", "after"])(
  "what was asked for together with others and fails is told, whether it ends %s it is followed",
  (when) => {
    const row = {
      id: "o1",
      kind: "release",
      target: NOTES.id,
      status: "failed",
      cause: { message: "Not now." },
    } as Operation;
    if (when === "before") operations.commit([[row.id, row]]);
    follow(row.id, NOTES.name);
    if (when === "after") live.learn(row);
    expect(told()).toHaveLength(1);
    operations.commit([[row.id, undefined]]);
  },
);

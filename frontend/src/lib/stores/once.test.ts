import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { client, Problem } from "$lib/api";

import { ask } from "./commands";
import { Once } from "./once";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
const params = { path: { application_id: "5d0d3c5e-3b7c-4f0e-8f43-0d2f7a1d6c11" } };
const start = (id?: string) =>
  ask({ about: "Notes", ...(id && { id }) }, (init) =>
    client.POST("/api/v1/applications/{application_id}/start", { params, ...init }),
  );
const keys = () => fetched.mock.calls.flatMap(([request]) => request.headers.get("Idempotency-Key") ?? []);
const answer = (status: number, body: unknown) =>
  Promise.resolve(new Response(typeof body === "string" ? body : JSON.stringify(body), { status }));
const page = () => answer(502, "<h1>Bad Gateway</h1>");
const accepted = () => answer(202, { operation_id: "o" });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", fetched.mockReset());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("what a proxy in between answers", () => {
  it("is no answer: the same is asked again under the same id", async () => {
    fetched.mockImplementationOnce(page).mockImplementation(accepted);
    const asking = start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await asking).toEqual({ operation_id: "o" });
    expect(keys()).toHaveLength(2);
    expect(new Set(keys()).size).toBe(1);
  });

  it("is told from a refusal of our own with the same status", async () => {
    fetched.mockImplementation(() => answer(502, { code: "cluster_unreachable" }));
    await expect(start()).rejects.toMatchObject({ code: "cluster_unreachable" });
    expect(fetched).toHaveBeenCalledTimes(1);
  });
});

describe("what is asked for again by hand", () => {
  const once = new Once();
  const press = async (name: string) => {
    const asking = once.ask({ name }, start).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10_000);
    return asking;
  };

  it("keeps its id until it is answered or changed", async () => {
    fetched.mockImplementation(page);
    expect(await press("Notes")).toBeInstanceOf(Problem);
    fetched.mockImplementation(accepted);
    expect(await press("Notes")).toEqual({ operation_id: "o" });
    expect(new Set(keys()).size).toBe(1);
    await press("Notes");
    expect(new Set(keys()).size).toBe(2);
    fetched.mockImplementation(page);
    await press("Notes");
    await press("Diary");
    expect(new Set(keys()).size).toBe(4);
  });
});

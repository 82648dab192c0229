import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { body, client, onSignedOut } from "./client";
import { Problem } from "./problem";
import { uuid } from "./uuid";
import { whoAmI } from "./who";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const fetched = vi.fn<(request: Request) => Promise<Response>>();
const answer = (status: number, content: unknown) =>
  fetched.mockImplementation(() => Promise.resolve(new Response(JSON.stringify(content), { status })));
/** An answer that breaks off in its body. */
const breaking = (error: Error) =>
  fetched.mockImplementation(() =>
    Promise.resolve(new Response(new ReadableStream({ start: (stream) => stream.error(error) }))),
  );
const params = { path: { application_id: "5d0d3c5e-3b7c-4f0e-8f43-0d2f7a1d6c11" } };
const start = (headers = {}) => client.POST("/api/v1/applications/{application_id}/start", { params, headers });

beforeEach(() => vi.stubGlobal("fetch", fetched));
afterEach(() => vi.unstubAllGlobals());

describe("a write", () => {
  test("proves where it comes from and carries an id of its own", async () => {
    answer(202, {});
    await start();
    const { headers } = fetched.mock.lastCall?.[0] as Request;
    expect(headers.get("X-Proximity-CSRF")).toBe("1");
    expect(headers.get("Idempotency-Key")).toMatch(UUID);
  });

  test("keeps the id that it was given", async () => {
    answer(202, {});
    await start({ "Idempotency-Key": "mine" });
    expect(fetched.mock.lastCall?.[0].headers.get("Idempotency-Key")).toBe("mine");
  });
});

describe("what is not ok", () => {
  test("is thrown, with each field's trouble by its path", async () => {
    answer(422, {
      code: "invalid_request",
      title: "t",
      detail: "d",
      errors: [{ field: "name", message: "Too long." }],
    });
    const problem = await start().catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ status: 422, code: "invalid_request", detail: "d", fields: { name: "Too long." } });
  });

  test("may be a page of somebody in between", async () => {
    fetched.mockResolvedValue(new Response("<h1>Bad Gateway</h1>", { status: 502 }));
    await expect(start()).rejects.toMatchObject({ status: 502, code: "unexpected_answer" });
  });

  test("may be no answer at all, which passes", async () => {
    fetched.mockRejectedValue(new TypeError("Failed to fetch"));
    await expect(start()).rejects.toMatchObject({ code: "unreachable", passing: true });
  });

  test("may be half an answer, which passes, too", async () => {
    fetched.mockImplementation(() => Promise.resolve(new Response('{"id": "u", "user')));
    await expect(body(client.GET("/api/v1/me"))).rejects.toMatchObject({ code: "unreachable", passing: true });
    breaking(new TypeError("network error"));
    await expect(body(client.GET("/api/v1/me"))).rejects.toMatchObject({ code: "unreachable", passing: true });
  });

  test("stays an abort where the caller gave up", async () => {
    breaking(new DOMException("", "AbortError"));
    await expect(body(client.GET("/api/v1/me"))).rejects.toHaveProperty("name", "AbortError");
  });

  test("tells who listens that nobody is signed in, but not when a password is wrong", async () => {
    const heard = vi.fn();
    const stop = onSignedOut(heard);
    answer(401, { code: "credentials_refused" });
    await expect(start()).rejects.toBeInstanceOf(Problem);
    expect(heard).not.toHaveBeenCalled();
    answer(401, { code: "not_signed_in" });
    await expect(start()).rejects.toBeInstanceOf(Problem);
    expect(heard).toHaveBeenCalledOnce();
    stop();
  });
});

test("who is signed in, if anybody is", async () => {
  answer(200, { id: "u", username: "ada", role: "admin" });
  expect(await whoAmI()).toBe("u");
  expect((await body(client.GET("/api/v1/me"))).username).toBe("ada");
  answer(401, { code: "not_signed_in" });
  expect(await whoAmI()).toBeNull();
});

test("ids are made where the page is not secure", () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  expect(uuid()).toMatch(UUID);
  expect(uuid()).not.toBe(uuid());
});

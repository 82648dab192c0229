import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { session } from "./session.svelte";

let answers: Record<string, [number, unknown]>;

beforeEach(() => {
  const answer = ({ url }: Request) => {
    const [status, content] = answers[new URL(url).pathname] ?? [404, {}];
    return Promise.resolve(new Response(JSON.stringify(content), { status }));
  };
  vi.stubGlobal("fetch", answer);
});
afterEach(() => vi.unstubAllGlobals());

test("who is not signed in, and asks while the log is away, is told so and can ask again", async () => {
  answers = { "/api/v1/me": [401, { code: "not_signed_in" }], "/api/v1/setup": [503, { detail: "The log is away." }] };
  await session.look();
  expect([session.state, session.trouble?.detail]).toEqual(["unknown", "The log is away."]);
  answers["/api/v1/setup"] = [200, { done: true }];
  await session.look();
  expect([session.state, session.trouble]).toEqual(["signed_out", null]);
});

test("what a tab keeps is there for the same person again, and for nobody else", async () => {
  const enter = async (id: string) => {
    answers = { "/api/v1/session": [201, { id }] };
    await session.signIn(id, "a password");
    return sessionStorage.getItem("draft");
  };
  await enter("ada");
  sessionStorage.setItem("draft", "notes");
  session.lost();
  expect(await enter("ada")).toBe("notes");
  session.lost();
  expect(await enter("bob")).toBeNull();
});

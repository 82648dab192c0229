import { expect, it } from "vitest";

import { AskingMany } from "./asking-many.svelte";

interface One {
  id: string;
  operation_id?: string;
  problem?: { detail: string };
}
const FINE: One = { id: "a", operation_id: "o" };
const REFUSED: One = { id: "b", problem: { detail: "It is a template." } };

it("tells what was accepted from what was refused, and repeats what was not answered under the same key", async () => {
  const asking = new AskingMany<One>();
  const keys: string[] = [];
  let answers = false;
  const ask = (request: string[]) =>
    asking.ask(request, ({ headers }) => {
      keys.push(headers["Idempotency-Key"]);
      return answers
        ? Promise.resolve({ data: { operations: [FINE, REFUSED] } })
        : Promise.reject(new TypeError("away"));
    });

  expect(await ask(["a", "b"])).toBeNull();
  expect(asking.problem).not.toBeNull();
  answers = true;
  expect(await ask(["a", "b"])).toEqual([FINE]);
  expect([asking.problem, asking.refused]).toEqual([null, [REFUSED]]);
  await ask(["a"]);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[2]).not.toBe(keys[1]);

  asking.forget();
  expect(asking.refused).toEqual([]);
});

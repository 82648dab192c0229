import { expect, it } from "vitest";

import { LEAST, MOST, weakness } from "./password";

it("asks for length, counted in characters", () => {
  expect(weakness("a".repeat(LEAST - 1))).toContain("1 character");
  expect(weakness("a".repeat(LEAST))).toBeUndefined();
  expect(weakness("🙂".repeat(LEAST - 1))).toBeDefined();
  expect(weakness("🙂".repeat(LEAST))).toBeUndefined();
  expect(weakness("a".repeat(MOST + 1))).toContain("256");
});

import { describe, expect, test } from "vitest";

import { destination, entrance } from "./entry";

const at = (path: string): URL => new URL(path, "http://prox.lan:8080");

describe("who may see a page", () => {
  test.each([
    ["unknown", "/rack", null],
    ["new", "/rack", "/setup"],
    ["new", "/setup#token", null],
    ["signed_out", "/apps/1?tab=history", "/login?next=%2Fapps%2F1%3Ftab%3Dhistory"],
    ["signed_out", "/login", null],
    ["signed_out", "/setup", "/login"],
    ["signed_in", "/rack", null],
    ["signed_in", "/setup", null],
    ["signed_in", "/login?next=%2Frack", "/rack"],
    ["signed_out", "/dev/ui", null],
  ] as const)("%s at %s goes to %s", (state, path, to) => expect(entrance(state, at(path))).toBe(to));
});

test.each(["//evil.example", "https://evil.example", "javascript:alert(1)", "/\\evil.example", "/login", "rack"])(
  "nobody is led away after signing in by next=%s",
  (next) => expect(destination(at(`/login?next=${encodeURIComponent(next)}`))).toBe("/"),
);

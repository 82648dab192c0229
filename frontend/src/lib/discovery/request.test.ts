import { describe, expect, it } from "vitest";

import { requestOf, type Wanted, wrong } from "./request";

const typed = (values: Partial<Wanted> = {}): Wanted => ({
  name: "Unifi",
  port: "",
  scheme: "guess",
  path: "/",
  ...values,
});

describe("what is typed of a guest to adopt", () => {
  it("leaves to be guessed what is left empty", () => {
    expect(requestOf(typed({ name: " Unifi ", path: "" }))).toEqual({
      name: "Unifi",
      port: null,
      scheme: null,
      path: "/",
    });
    expect(requestOf(typed({ port: " 8443 ", scheme: "https", path: "/ui" }))).toMatchObject({
      port: 8443,
      scheme: "https",
      path: "/ui",
    });
  });

  it("is told what is wrong with it, field by field", () => {
    expect(wrong(typed())).toEqual({});
    expect(Object.keys(wrong(typed({ name: " ", port: "65536", path: "ui" })))).toEqual(["name", "port", "path"]);
    expect(Object.keys(wrong(typed({ port: "80a" })))).toEqual(["port"]);
  });
});

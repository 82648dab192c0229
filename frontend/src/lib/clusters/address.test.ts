import { describe, expect, it } from "vitest";
import { endpointOf, nameOf, sameFingerprint } from "./address";

describe("an address", () => {
  it.each([
    ["", ""],
    ["pve.lan", "https://pve.lan:8006"],
    [" pve.lan:443 ", "https://pve.lan:443"],
    ["https://pve.lan", "https://pve.lan:8006"],
    ["https://pve.lan:8006/#v1:0:18:4", "https://pve.lan:8006"],
    ["https://[fd00::7]", "https://[fd00::7]:8006"],
    ["https://[fd00::7]:8007", "https://[fd00::7]:8007"],
    ["proxy.lan/pve/", "https://proxy.lan:8006/pve"],
    // wrong is for the server to say
    ["http://pve.lan", "http://pve.lan:8006"],
  ])("%j is %j", (typed, endpoint) => expect(endpointOf(typed)).toBe(endpoint));

  it("lends its name", () => {
    expect(nameOf("https://pve1.lan:8006")).toBe("pve1");
    expect(nameOf("https://192.0.2.7:8006")).toBe("");
    expect(nameOf("https://[fd00::7]:8006")).toBe("");
    expect(nameOf("")).toBe("");
  });
});

describe("comparing fingerprints", () => {
  const seen = "AB:CD" + ":00".repeat(30);

  it("looks at the digits", () => {
    expect(sameFingerprint(seen, seen)).toBe(true);
    expect(sameFingerprint(` ${seen.replaceAll(":", "").toLowerCase()} `, seen)).toBe(true);
    expect(sameFingerprint(`SHA256:${seen}`, seen)).toBe(true);
    expect(sameFingerprint(seen.replace("AB", "AC"), seen)).toBe(false);
  });

  it("waits for a whole one", () => expect(sameFingerprint("AB:CD", seen)).toBeNull());
});

import { expect, it } from "vitest";

import { addressesOf } from "./addresses";
import { guessOf, nameOf } from "./names";

it("calls a guest without a name as Proxmox does", () => {
  expect(nameOf({ name: null, type: "lxc", vmid: 105 })).toBe("CT 105");
  expect(nameOf({ name: "unifi", type: "lxc", vmid: 105 })).toBe("unifi");
});

it("tells what is guessed, and what is not known", () => {
  expect(guessOf({ app: "jellyfin", port: 8096 })).toBe("jellyfin, port 8096");
  expect(guessOf({ app: "jellyfin", port: null })).toBe("jellyfin");
  expect(guessOf({ app: null, port: 8080 })).toBe("something on port 8080");
  expect(guessOf({ app: null, port: null })).toBe("not recognised");
});

it("is reached where it said last, unless it does not run", () => {
  const seen = { addresses: ["10.0.0.7", "fd00::7"] };
  expect(addressesOf(seen, undefined)).toEqual(seen.addresses);
  expect(addressesOf(seen, { status: "running" })).toEqual(seen.addresses);
  expect(addressesOf(seen, { status: "stopped" })).toEqual([]);
  expect(addressesOf({ addresses: null }, undefined)).toEqual([]);
  expect(addressesOf(undefined, undefined)).toEqual([]);
});

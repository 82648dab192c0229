import { expect, it } from "vitest";

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

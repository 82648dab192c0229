import { expect, it } from "vitest";

import type { Guest, GuestFigures } from "$lib/api";

import { ofGuest } from "./units";

const guest = { id: "c-105", vmid: 105, type: "lxc", name: "unifi", template: false, memory: 4096 } as Guest;
const now = { status: "running", cpu: 0.5, memory_used: 1024 } as GuestFigures;

it("shows shares of what a guest may use", () => {
  expect(ofGuest(guest, now)).toMatchObject({ name: "unifi", state: "running", cpu: 0.5, memory: 0.25 });
});

it("does not call stopped what nobody knows of", () => {
  expect(ofGuest(guest, undefined)).toMatchObject({ state: "unknown", cpu: undefined, memory: undefined });
  expect(ofGuest({ ...guest, memory: null }, now).memory).toBeUndefined();
});

it("has a name for what has none, and a word for templates", () => {
  expect(ofGuest({ ...guest, name: null, type: "qemu", template: true }, undefined)).toMatchObject({
    name: "VM 105",
    word: "Template",
  });
});

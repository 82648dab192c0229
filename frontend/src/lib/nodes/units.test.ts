import { expect, it } from "vitest";

import type { Application, Guest, GuestFigures } from "$lib/api";

import { ofApplication, ofGuest } from "./units";

const guest = { id: "c-105", vmid: 105, type: "lxc", name: "unifi", template: false, memory: 4096 } as Guest;
const now = { status: "running", cpu: 0.5, memory_used: 1024 } as GuestFigures;

it("shows shares of what a guest may use", () => {
  expect(ofGuest(guest, now)).toMatchObject({ name: "unifi", state: "running", cpu: 0.5, memory: 0.25 });
});

it("shows the first address of a guest, if one is known", () => {
  expect(ofGuest(guest, now).address).toBeUndefined();
  expect(ofGuest(guest, now, true, ["10.0.0.5", "fd00::5"]).address).toBe("10.0.0.5");
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

it("calls what a node does not tell of unknown, whatever was seen last", () => {
  expect(ofGuest(guest, now, false)).toMatchObject({ state: "unknown", word: undefined, cpu: undefined, stale: true });
  const notes = { id: "a", name: "Notes", recipe: "memos", vmid: 10_000, status: "stopped", memory_mib: 512 };
  expect(ofApplication(notes as Application, undefined, false)).toMatchObject({ state: "unknown", word: undefined });
  const failed = { ...notes, status: "failed" } as Application;
  expect(ofApplication(failed, undefined, false)).toMatchObject({ state: "error", word: "Failed" });
});

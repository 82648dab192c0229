import { cleanup, render, screen } from "@testing-library/svelte";
import { afterEach, expect, it, vi } from "vitest";

import type { Application, Operation } from "$lib/api";
import { operations } from "$lib/stores";

import RunningOperation from "./RunningOperation.svelte";

vi.mock("$app/state", () => ({ page: {} }));
vi.mock("$app/navigation", () => ({ goto: vi.fn() }));

const APPLICATION = {
  id: "notes",
  name: "Notes",
  status: "failed",
  vmid: null,
  operation_id: null,
  failure: { code: "x", message: "There was no space.", proxmox: "thin pool full" },
} as Application;

afterEach(cleanup);

it("tells why an application failed, and what to do, when the operation is not at hand any more", () => {
  render(RunningOperation, { application: APPLICATION });
  const note = screen.getByRole("alert");
  expect(note.textContent).toContain("There was no space.");
  expect(note.textContent).toContain("thin pool full");
  expect(screen.getByRole("button", { name: "Delete it and deploy again" })).toBeTruthy();
});

it("passes over what was done in between", () => {
  const row = { target: "notes", target_name: "Notes", cause: null, steps: [], ended_at: "" };
  operations.commit([
    ["1", { ...row, id: "1", kind: "deploy", status: "failed", accepted_at: "1" } as never as Operation],
    [
      "2",
      { ...row, id: "2", kind: "accept_configuration", status: "succeeded", accepted_at: "2" } as never as Operation,
    ],
  ]);
  render(RunningOperation, { application: APPLICATION });
  expect(screen.getByRole("heading", { name: "Deploy" })).toBeTruthy();
  expect(screen.getByRole("alert").textContent).toContain("Deploy failed");
});

import { expect, it } from "vitest";

import type { Operation, Step } from "$lib/api";

import { currentStep, isOpen, notCancellable, rowsOf, shareOf } from "./shown";

const step = (name: string, status: Step["status"], more: Partial<Step> = {}): Step => ({ name, status, ...more });
const operation = (status: Operation["status"], steps: Step[]) => ({ status, steps }) as Operation;
const HALFWAY = [
  step("preflight", "done", { started_at: "2026-01-01T10:00:00Z", ended_at: "2026-01-01T10:00:02Z" }),
  step("create", "waiting", { started_at: "2026-01-01T10:00:02Z", detail: "The answer was lost." }),
  step("start", "pending"),
  step("probe", "pending"),
];

it("tells how far it is", () => {
  expect(shareOf(operation("running", HALFWAY))).toBe(0.25);
  expect(shareOf(operation("running", [step("stop", "running")]))).toBe(0.5);
  expect(shareOf(operation("pending", []))).toBeUndefined();
  expect(shareOf(operation("succeeded", []))).toBe(1);
  expect(currentStep(operation("running", HALFWAY))?.name).toBe("create");
});

it("marks the step that a person has to decide about", () => {
  expect(rowsOf(operation("running", HALFWAY)).map(({ state, took }) => [state, took])).toEqual([
    ["done", 2000],
    ["running", undefined],
    ["waiting", undefined],
    ["waiting", undefined],
  ]);
  expect(rowsOf(operation("undecided", HALFWAY))[1]).toMatchObject({
    state: "undecided",
    detail: "The answer was lost.",
  });
});

it("waits for a person where nobody knows", () => {
  expect(isOpen(operation("undecided", []))).toBe(true);
  expect(isOpen(operation("failed", []))).toBe(false);
});

it("can cancel what makes or moves an application, and nothing that takes it away", () => {
  expect(notCancellable({ kind: "deploy", category: "application" })).toBeUndefined();
  expect(notCancellable({ kind: "delete", category: "application" })).toMatch(/deletion/);
  expect(notCancellable({ kind: "connect", category: "cluster" })).toMatch(/by itself/);
});

import { describe, expect, it } from "vitest";

import type { Application } from "$lib/api";
import { applicationTexts as texts } from "$lib/texts/applications";

import { type Action, inState, unavailable } from "./state";

const application = (status: Application["status"], more: Partial<Application> = {}) =>
  ({ status, vmid: 20000, adopted: false, findings: {}, failure: null, ...more }) as Application;

describe("what cannot be asked for", () => {
  it.each<[Application["status"], Action, string | undefined]>([
    ["running", "start", texts.reasons.running],
    ["running", "stop", undefined],
    ["stopped", "start", undefined],
    ["stopped", "restart", texts.reasons.stopped],
    ["starting", "stop", texts.reasons.busy("Starting")],
    ["starting", "delete", undefined],
    ["deleting", "delete", texts.reasons.deleting],
    ["gone", "start", texts.reasons.gone],
    ["undecided", "start", texts.reasons.undecided],
    // a start that failed leaves a container that may be either
    ["failed", "start", undefined],
    ["failed", "stop", undefined],
  ])("%s: %s", (status, action, reason) => expect(unavailable(action, application(status))).toBe(reason));

  it("is anything but deleting where there is no container", () => {
    const failed = application("failed", { vmid: null });
    expect(unavailable("start", failed)).toBe(texts.reasons.none);
    expect(unavailable("delete", failed)).toBeUndefined();
  });
  it("is to give back what nobody has adopted", () => {
    expect(unavailable("release", application("running"))).toBe(texts.reasons.own);
    expect(unavailable("release", application("running", { adopted: true }))).toBeUndefined();
  });
});

it("counts a running one with a finding as in trouble", () => {
  const drifted = application("running", { findings: { renamed: "renamed" } });
  expect([inState(drifted, "trouble"), inState(drifted, "running"), inState(drifted, "busy")]).toEqual([
    true,
    true,
    false,
  ]);
});

it("is listed among the adopted whatever it does", () => {
  expect(inState(application("running", { adopted: true }), "adopted")).toBe(true);
  expect(inState(application("running"), "adopted")).toBe(false);
});

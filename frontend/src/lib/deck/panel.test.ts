import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { afterEach, expect, it } from "vitest";

import type { Operation } from "$lib/api";
import { operations } from "$lib/stores";

import AttentionPanel from "./AttentionPanel.svelte";

const IDS = Array.from({ length: 12 }, (_, number) => `o${number}`);
const undecided = (id: string) =>
  ({ id, kind: "start", target: id, target_name: id, status: "undecided", cause: null, accepted_at: "" }) as Operation;

afterEach(() => {
  cleanup();
  operations.commit(IDS.map((id) => [id, undefined]));
});

it("shows the rest of what needs a person where that is asked for, whatever it is", async () => {
  operations.commit(IDS.map((id) => [id, undecided(id)]));
  render(AttentionPanel);
  expect(screen.getAllByRole("listitem")).toHaveLength(8);
  await fireEvent.click(screen.getByRole("button", { name: "Show 4 more" }));
  expect(screen.getAllByRole("listitem")).toHaveLength(12);
  expect(screen.queryByRole("button")).toBeNull();
});

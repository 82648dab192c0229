import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { goto } from "$app/navigation";
import { page } from "$app/state";
import type { Application, Operation, Recipe } from "$lib/api";
import { applications, operations } from "$lib/stores";

import { recall } from "./again";
import DeployPage from "./DeployPage.svelte";
import { deploy, removeFailed } from "./deployment";

vi.mock("$app/state", async () => {
  const { SvelteURL } = await import("svelte/reactivity");
  return { page: { url: new SvelteURL("http://prox.lan") } };
});
vi.mock("$app/navigation", () => ({
  goto: vi.fn((path: string) => Promise.resolve(void (page.url.href = new URL(path, page.url).href))),
}));
vi.mock("./again", () => ({ recall: vi.fn(() => Promise.resolve()) }));
vi.mock("./deployment", () => ({ deploy: vi.fn(), removeFailed: vi.fn() }));
vi.mock("$lib/stores", async (original) => ({
  ...(await original<{ applications: typeof applications }>()),
  live: { ready: true },
}));

const AMOUNTS = { cores: 1, memory_mib: 256, disk_gib: 2 };
const RECIPE = {
  slug: "memos",
  name: "Memos",
  runtime: "template",
  resources: { minimal: AMOUNTS, default: AMOUNTS },
} as unknown as Recipe;
const NOTES = { id: "notes", name: "Family notes", recipe: "memos", vmid: null } as Application;
const failed = (id: string) =>
  ({
    id,
    kind: "deploy",
    target: "notes",
    target_name: "Family notes",
    status: "failed",
    steps: [],
  }) as never as Operation;

beforeEach(() => {
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  vi.clearAllMocks();
  applications.commit([["notes", NOTES]]);
  operations.commit(["old", "new"].map((id) => [id, failed(id)]));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});
const tryAgain = () => fireEvent.click(screen.getByRole("button", { name: "Try again" }));

it("looks over what it did not ask for itself before that is deployed again", async () => {
  page.url.href = "http://prox.lan/deploy/memos?operation=old";
  render(DeployPage, { recipe: RECIPE });
  await tryAgain();
  await vi.waitFor(() => expect(page.url.search).toBe("?part=review"));
  expect(recall).toHaveBeenCalledWith(NOTES);
  expect(removeFailed).toHaveBeenCalledWith("notes", "Family notes");
  expect(deploy).not.toHaveBeenCalled();
});

it("does nothing more for who has left while the failed one was removed", async () => {
  page.url.href = "http://prox.lan/deploy/memos?operation=old";
  let removed = (): void => undefined;
  vi.mocked(removeFailed).mockReturnValue(new Promise((resolve) => (removed = resolve)));
  render(DeployPage, { recipe: RECIPE });
  await tryAgain();
  await vi.waitFor(() => expect(removeFailed).toHaveBeenCalled());
  page.url.href = "http://prox.lan/rack";
  cleanup();
  removed();
  // all that hangs on it has run
  await new Promise((resolve) => setTimeout(resolve));
  expect(goto).not.toHaveBeenCalled();
  expect(deploy).not.toHaveBeenCalled();
});

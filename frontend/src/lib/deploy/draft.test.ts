import { beforeEach, expect, it } from "vitest";

import type { Recipe } from "$lib/api";

import { Draft, forget } from "./draft.svelte";
import { freeName } from "./names";
import { partOf, partsOf } from "./parts";

const AMOUNTS = { cores: 1, memory_mib: 256, disk_gib: 2 };
const RECIPE = {
  slug: "postgres",
  name: "PostgreSQL",
  resources: { minimal: AMOUNTS, default: { ...AMOUNTS, cores: 2 } },
  settings: [
    { key: "username", label: "User", type: "string", default: "postgres" },
    { key: "password", label: "Password", type: "secret", generated: true },
    { key: "size", label: "Size", type: "integer" },
  ],
} as unknown as Recipe;

beforeEach(() => forget("postgres"));

it("asks for what was filled in, and leaves out what was not", () => {
  const draft = new Draft(RECIPE, "PostgreSQL");
  draft.name = " Data ";
  draft.secrets["password"] = "very secret";
  expect(draft.request()).toEqual({
    recipe: "postgres",
    name: "Data",
    cluster_id: null,
    node: null,
    settings: { username: "postgres", password: "very secret", size: null, cores: 2, memory_mib: 256, disk_gib: 2 },
  });
});

it("is the same after a reload, but for its secrets", () => {
  const before = new Draft(RECIPE, "PostgreSQL");
  before.name = "Data";
  before.memoryMib = 512;
  before.values["username"] = "ada";
  before.secrets["password"] = "very secret";
  before.keep();
  expect(JSON.stringify({ ...sessionStorage })).not.toContain("very secret");
  const after = new Draft(RECIPE, "PostgreSQL");
  expect([after.name, after.memoryMib, after.values["username"], after.secrets["password"]]).toEqual([
    "Data",
    512,
    "ada",
    undefined,
  ]);
});

it("begins anew where what is kept is none of ours", () => {
  sessionStorage.setItem("draft:postgres", "{broken");
  expect(new Draft(RECIPE, "PostgreSQL").name).toBe("PostgreSQL");
});

it("offers the first name that nobody has", () =>
  expect(freeName(RECIPE, [{ name: "postgresql" }, { name: "PostgreSQL 2" }])).toBe("PostgreSQL 3"));

it("knows where a field is filled in", () => {
  expect(["name", "settings.cores", "settings.username"].map(partOf)).toEqual(["basics", "resources", "settings"]);
  expect(partsOf({ ...RECIPE, settings: [] })).toEqual(["basics", "resources", "review"]);
});

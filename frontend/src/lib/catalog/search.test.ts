import { expect, it } from "vitest";

import type { Recipe } from "$lib/api";

import { categoriesOf, search } from "./search";

const recipe = (name: string, categories: string[], description: string) =>
  ({ slug: name.toLowerCase(), name, categories, description }) as Recipe;
const RECIPES = [
  recipe("Memos", ["notes"], "Short notes, found quickly."),
  recipe("Notebook", ["office"], "Pages of text."),
  recipe("Gitea", ["development"], "Repositories with issues and notes."),
];
const names = (words: string, category: string | null = null) =>
  search(RECIPES, words, category).map(({ name }) => name);

it("puts the name before the category before the description", () =>
  expect(names("note")).toEqual(["Notebook", "Memos", "Gitea"]));
it("wants all words, in any place and order", () => {
  expect(names("quickly notes")).toEqual(["Memos"]);
  expect(names("notes nowhere")).toEqual([]);
});
it("shows all without a word, and a category's own", () => {
  expect(names("  ")).toEqual(["Gitea", "Memos", "Notebook"]);
  expect(names("", "office")).toEqual(["Notebook"]);
  expect(categoriesOf(RECIPES)).toEqual(["development", "notes", "office"]);
});

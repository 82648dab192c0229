import type { Recipe } from "$lib/api";

const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean);

/** Those that have all words, by how well: in the name, then in the categories, then in the description. */
export function search(recipes: readonly Recipe[], text: string, category: string | null): Recipe[] {
  const words = wordsOf(text);
  return recipes
    .filter((recipe) => category === null || recipe.categories.includes(category))
    .map((recipe) => ({ recipe, rank: rankOf(recipe, words) }))
    .filter(({ rank }) => rank < Infinity)
    .sort((a, b) => a.rank - b.rank || a.recipe.name.localeCompare(b.recipe.name))
    .map(({ recipe }) => recipe);
}

/** Of the word that fits worst; Infinity: one does not fit at all. */
function rankOf(recipe: Recipe, words: readonly string[]): number {
  const places = [
    (word: string) => recipe.name.toLowerCase().startsWith(word),
    (word: string) => `${recipe.name} ${recipe.slug}`.toLowerCase().includes(word),
    (word: string) => recipe.categories.some((category) => category.toLowerCase().includes(word)),
    (word: string) => recipe.description.toLowerCase().includes(word),
  ];
  return Math.max(
    0,
    ...words.map((word) => {
      const place = places.findIndex((fits) => fits(word));
      return place < 0 ? Infinity : place;
    }),
  );
}

export function categoriesOf(recipes: readonly Recipe[]): string[] {
  return [...new Set(recipes.flatMap(({ categories }) => categories))].sort((a, b) => a.localeCompare(b));
}

import type { Recipe } from "$lib/api";

export const PARTS = ["basics", "resources", "settings", "review"] as const;
export type Part = (typeof PARTS)[number];

const RESOURCES = new Set(["cores", "memory_mib", "disk_gib"].map((key) => `settings.${key}`));

/** A recipe without settings has no part for them. */
export function partsOf(recipe: Recipe): Part[] {
  return PARTS.filter((part) => part !== "settings" || (recipe.settings ?? []).length > 0);
}

/** Where the field with this path in the request is filled in. */
export function partOf(field: string): Part {
  if (RESOURCES.has(field)) return "resources";
  return field.startsWith("settings.") ? "settings" : "basics";
}

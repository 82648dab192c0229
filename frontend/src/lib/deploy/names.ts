import type { Application, Recipe } from "$lib/api";

/** The recipe's own name, or with the first number that nobody has. */
export function freeName({ name }: Pick<Recipe, "name">, taken: readonly Pick<Application, "name">[]): string {
  const names = new Set(taken.map((application) => application.name.toLowerCase()));
  let free = name;
  for (let number = 2; names.has(free.toLowerCase()); number += 1) free = `${name} ${number}`;
  return free;
}

import { body, client, Problem, type Recipe } from "$lib/api";

/** All recipes: asked for once, they change only with a new start of Proximity. */
class Catalog {
  #recipes = $state.raw<readonly Recipe[] | null>(null);
  #problem = $state.raw<Problem | null>(null);
  #asking: Promise<void> | null = null;

  get recipes(): readonly Recipe[] | null {
    return this.#recipes;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  /** undefined: there is none, or they did not come yet. */
  get(slug: string): Recipe | undefined {
    return this.#recipes?.find((recipe) => recipe.slug === slug);
  }

  /** However often it is called while they come. */
  load(): Promise<void> {
    if (this.#recipes) return Promise.resolve();
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask(): Promise<void> {
    this.#problem = null;
    try {
      this.#recipes = (await body(client.GET("/api/v1/catalog"))).items;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#problem = error;
    }
  }
}

export const catalog = new Catalog();

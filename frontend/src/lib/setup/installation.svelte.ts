import { body, client, Problem } from "$lib/api";

/** Whether this installation has a simulated cluster to offer; null: not known yet. Made in a component. */
export class Installation {
  #simulator = $state.raw<boolean | null>(null);

  constructor() {
    void this.#look();
  }

  get simulator(): boolean | null {
    return this.#simulator;
  }

  async #look(): Promise<void> {
    try {
      this.#simulator = (await body(client.GET("/api/v1/setup"))).simulator;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // without an answer nothing is offered
      this.#simulator = false;
    }
  }
}

import { whoAmI } from "$lib/api/who";

import type { Source, Surroundings } from "./relay";

/** The real ones: the only EventSource there is. */
export const surroundings: Surroundings = {
  open: (url) => new EventSource(url) as Source,
  whoAmI,
  random: Math.random,
};

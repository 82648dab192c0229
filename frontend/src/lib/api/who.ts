import { problemOf, unreachable } from "./problem";
import type { components } from "./schema";

/**
 * Whether somebody is signed in, and who: their id, or null. One request; throws a Problem if nobody answers. Without
 * the typed client, which the worker that holds the stream would have to carry for this alone.
 */
export async function whoAmI(): Promise<string | null> {
  const response = await fetch("/api/v1/me").catch(() => {
    throw unreachable();
  });
  if (response.status === 401) return null;
  const content: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response.status, content);
  return (content as components["schemas"]["Me"]).id;
}

/**
 * What everybody but the stream's worker asks the api by. Every call resolves to the answer's body or throws a Problem; whoever is not signed in any
 * more is told to `onSignedOut`.
 */
import createClient, { type Middleware } from "openapi-fetch";

import { problemOf, unreachable } from "./problem";
import type { paths } from "./schema";
import { uuid } from "./uuid";

const SAFE = new Set(["GET", "HEAD"]);
const listeners = new Set<() => void>();

/** Returns what stops it. */
export function onSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const edge: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) {
      request.headers.set("X-Proximity-CSRF", "1");
      // the operation's id: whoever wants to know it beforehand has set it
      if (!request.headers.has("Idempotency-Key")) request.headers.set("Idempotency-Key", uuid());
    }
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return response;
    const body: unknown = await response
      .clone()
      .json()
      .catch(() => null);
    const problem = problemOf(response.status, body);
    if (problem.code === "not_signed_in") for (const listener of listeners) listener();
    throw problem;
  },
  onError: ({ error }) => problemFrom(error),
};

/** Typed by the OpenAPI document. `data` is always there: what is not ok is thrown. */
export const client = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  // looked up at the call, so that a test can put its own in its place
  fetch: (request) => globalThis.fetch(request),
});
client.use(edge);

/** The body of an answer that is ok. */
export async function body<T>(call: Promise<{ data?: T | undefined }>): Promise<T> {
  try {
    return (await call).data as T;
  } catch (error) {
    throw problemFrom(error);
  }
}

/** An abort is the caller's own doing, and stays what it is. */
function problemFrom(error: unknown): Error {
  // how fetch says that nobody answered, or that the answer broke off; what was cut, or is a page of somebody in between
  return error instanceof TypeError || error instanceof SyntaxError ? unreachable() : (error as Error);
}

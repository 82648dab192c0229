import type { SessionState } from "$lib/stores";

// these are for who is not signed in
const ENTRIES = new Set(["/setup", "/login"]);
// shows components, needs nobody
const FREE = /^\/dev(\/|$)/;

/** Where to go instead, and null to stay. `next` is where to go on after signing in. */
export function entrance(state: SessionState, url: URL): string | null {
  if (state === "unknown" || FREE.test(url.pathname)) return null;
  // the setup token is in the fragment, and setting up goes on after the first user is made
  if (state === "new") return url.pathname === "/setup" ? null : `/setup${url.hash}`;
  if (state === "signed_out") {
    if (url.pathname === "/login") return null;
    const next = ENTRIES.has(url.pathname) ? "" : `?next=${encodeURIComponent(url.pathname + url.search)}`;
    return `/login${next}`;
  }
  return url.pathname === "/login" ? destination(url) : null;
}

/** A path of ours, whatever `next` says: `//elsewhere` is another host. */
export function destination(url: URL): string {
  const next = url.searchParams.get("next") ?? "/";
  const target = new URL(next, url.origin);
  return target.origin === url.origin && next.startsWith("/") && !isEntry(target)
    ? target.pathname + target.search
    : "/";
}

export function isEntry(url: URL): boolean {
  return ENTRIES.has(url.pathname);
}

/**
 * Asking for something: shown at once, followed to its end, taken back in Proxmox's words and ours if it fails.
 *
 * The id of the operation is made here, so whatever goes wrong on the way can be asked for again: it is done once.
 */
import { type Accepted, type Application, body, client, type Operation, Problem, uuid } from "$lib/api";
import type { Expectation } from "$lib/live";
import { errors } from "$lib/texts/errors";
import { operationTexts } from "$lib/texts/operations";
import { toasts } from "$lib/ui/toasts.svelte";

import { link } from "./link.svelte";
import { live } from "./live.svelte";
import { operations } from "./tables";

/** Goes into the call: `client.POST(path, { params, body, ...init })`. */
export interface Init {
  headers: { "Idempotency-Key": string };
}

const ATTEMPTS = 3;
const PAUSE = 1_000;
// nothing was heard of it for so long: ask
const PATIENCE = 30_000;

/** Why nothing can be asked for now; null: it can. */
export function blocked(): "offline" | "signed_out" | null {
  return link.state === "offline" || link.state === "signed_out" ? link.state : null;
}

export interface Wish {
  /** Its id, where it may be asked for again after no answer (`Once`). */
  id?: string;
  /** What to show until the server says so itself. Never for what destroys, restores or adopts. */
  expect?: Expectation;
  /** What it is called where its failure is told: an application by its name. */
  about: string;
  /** The operation is over, well or not; without it, a failure is told wherever the person is. */
  ended?: (operation: Operation) => void;
}

/** Throws the Problem that it was refused with; what was expected is taken back then. */
export async function ask(
  wish: Wish,
  call: (init: Init) => Promise<{ data?: Accepted | undefined }>,
): Promise<Accepted> {
  const operationId = wish.id ?? uuid();
  live.expect(operationId, wish.expect ?? null, wish.ended ?? ((operation) => tell(wish.about, operation)));
  try {
    const accepted = await repeated(() => call({ headers: { "Idempotency-Key": operationId } }));
    setTimeout(() => void missing(operationId), PATIENCE);
    return accepted;
  } catch (error) {
    live.forget(operationId);
    throw error;
  }
}

/** One that was asked for together with others: if it fails, that is told wherever the person is. */
export function follow(operationId: string, about: string): void {
  live.expect(operationId, null, (operation) => tell(about, operation));
  setTimeout(() => void missing(operationId), PATIENCE);
  // it may be over by now
  const known = operations.get(operationId);
  if (known) live.learn(known);
}

/** Who got no answer does not know whether it was heard, and asks again under the same id. */
async function repeated(call: () => Promise<{ data?: Accepted | undefined }>): Promise<Accepted> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await body(call());
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof Problem) || !error.passing) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * PAUSE));
    }
  }
}

/** One question to the server about an operation that the stream has not ended. */
async function missing(operationId: string): Promise<void> {
  if (!live.awaits(operationId)) return;
  try {
    const params = { path: { operation_id: operationId } };
    live.learn(await body(client.GET("/api/v1/operations/{operation_id}", { params })));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // it is under way all the same; the stream tells its end
  }
}

/** To whoever is not on a page that shows it anyway. */
function tell(about: string, { id, kind, target, status, cause }: Operation): void {
  if (status === "succeeded" || status === "cancelled") return;
  // what was never begun leaves no failure on the page of its target
  const shownAt = status === "rejected" ? [id] : [id, target];
  if (shownAt.some((shown) => location.pathname.endsWith(`/${shown}`))) return;
  const proxmox = cause?.proxmox ? ` ${errors.proxmoxSays}: ${cause.proxmox}` : "";
  toasts.push({
    key: id,
    tone: status === "undecided" ? "warn" : "err",
    title: operationTexts.endedAs(kind, about, status),
    text: `${cause?.message ?? ""}${proxmox}`,
    href: `/operations/${id}`,
  });
}

/** What can be asked of an application that runs or stands still. */
const VERBS = {
  start: { status: "starting", desired: "running" },
  shutdown: { status: "shutting_down", desired: "stopped" },
  stop: { status: "stopping", desired: "stopped" },
  restart: { status: "restarting", desired: "running" },
} as const satisfies Record<string, Partial<Application>>;
export type Verb = keyof typeof VERBS;

export function change(verb: Verb, application: Application, about: string): Promise<Accepted> {
  const wish: Wish = { about, expect: { table: "applications", id: application.id, values: VERBS[verb] } };
  const params = { path: { application_id: application.id } };
  return ask(wish, (init) => {
    switch (verb) {
      case "start":
        return client.POST("/api/v1/applications/{application_id}/start", { params, ...init });
      case "shutdown":
        return client.POST("/api/v1/applications/{application_id}/shutdown", { params, ...init });
      case "stop":
        return client.POST("/api/v1/applications/{application_id}/stop", { params, ...init });
      case "restart":
        return client.POST("/api/v1/applications/{application_id}/restart", { params, ...init });
    }
  });
}

import type { components } from "./schema";

export type FieldError = components["schemas"]["FieldError"];

/** An answer of 4xx or 5xx (RFC 9457), or none at all: then `status` is 0 and `code` is `unreachable`. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    /** Stable: what programs decide by. */
    readonly code: string,
    readonly title: string,
    /** For people. */
    readonly detail: string,
    /** What is wrong with each field, by its path in the request, such as `settings.root_password`. */
    readonly fields: Readonly<Record<string, string>> = {},
    readonly operationId: string | null = null,
    /** What the log has it under. */
    readonly requestId: string | null = null,
  ) {
    super(detail);
  }

  /** Whether the same request may succeed in a moment. */
  get passing(): boolean {
    // 502 and 504 are of a proxy in between, unless they are told in our words
    const unheard = this.code === "unexpected_answer" && (this.status === 502 || this.status === 504);
    return this.status === 0 || this.status === 503 || unheard;
  }
}

export function unreachable(): Problem {
  return new Problem(
    0,
    "unreachable",
    "Proximity does not answer",
    "Proximity does not answer. Try again in a moment.",
  );
}

/** `body`: whatever was answered; a proxy in between may have answered with a page of its own. */
export function problemOf(status: number, body: unknown): Problem {
  const told = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string): string | undefined => (typeof told[name] === "string" ? told[name] : undefined);
  const title = text("title") ?? `The answer was ${status}`;
  const errors = Array.isArray(told["errors"]) ? (told["errors"] as FieldError[]) : [];
  const fields = Object.fromEntries(errors.map(({ field, message }) => [field, message]));
  const code = text("code") ?? (status === 503 ? "unavailable" : "unexpected_answer");
  const requestId = text("instance")?.replace("urn:uuid:", "") ?? null;
  return new Problem(status, code, title, text("detail") ?? title, fields, text("operation_id") ?? null, requestId);
}

/** What the tab that holds the stream and the other tabs tell each other. Everything can be sent twice. */
import type { Cursor } from "./tables";

/** `up`: changes come. `down`: they will come again. `signed_out`: they will not. */
export type Connection = "up" | "down" | "signed_out";

export type Message =
  // as it came: a text costs the least on its way to another tab
  | { kind: "frame"; epoch: string; data: string }
  | { kind: "figures"; data: string }
  | { kind: "beat" }
  // take a snapshot and attach anew
  | { kind: "reset" }
  | { kind: "connection"; connection: Connection }
  // who is signed in by the cookie that all tabs share
  | { kind: "user"; id: string };

export type Request = { kind: "attach"; cursor: Cursor } | { kind: "detach" };

/** A tab's line to whoever holds the stream. */
export interface Line {
  attach(): void;
  close(): void;
}

/** What a line needs of its tab. */
export interface Tab {
  readonly id: string;
  hear(message: Message): void;
  /** Up to where the tab knows everything; null: it has nothing yet. */
  cursor(): Cursor | null;
}

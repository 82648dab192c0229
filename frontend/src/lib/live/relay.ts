/**
 * The one stream of this browser, and everybody who follows it. A browser opens six connections to a host over HTTP/1.1:
 * with a stream for each tab, the seventh tab would get no answer at all.
 *
 * Keeps the latest frames, so that a tab which took its snapshot a moment ago can be told what came since.
 */
import type { Message } from "./messages";
import type { Cursor } from "./tables";

/** What is used of an EventSource. */
export interface Source {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface Surroundings {
  open(url: string): Source;
  /** The id of who is signed in, null: nobody. Throws if nobody answers. */
  whoAmI(): Promise<string | null>;
  /** From 0 to 1. */
  random(): number;
}

/** To one member, or to all. */
export type Send = (message: Message, to?: string) => void;

// the server sends something at least every 15 s
export const SILENCE = 40_000;
export const RETRY_FIRST = 500;
export const RETRY_LONGEST = 15_000;
const RING = 500;

export class Relay {
  readonly #surroundings: Surroundings;
  readonly #send: Send;
  readonly #members = new Set<string>();
  #cursor: Cursor | null = null;
  // frames above #base, up to the cursor
  #ring: { position: number; message: Message }[] = [];
  #base = 0;
  #source: Source | null = null;
  #up = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(surroundings: Surroundings, send: Send) {
    this.#surroundings = surroundings;
    this.#send = send;
  }

  attach(member: string, from: Cursor): void {
    this.#members.add(member);
    if (!this.#cursor) {
      this.#cursor = from;
      this.#base = from.position;
      this.#connect();
      return;
    }
    if (from.epoch !== this.#cursor.epoch || from.position < this.#base) {
      this.#send({ kind: "reset" }, member);
      return;
    }
    for (const { position, message } of this.#ring) if (position > from.position) this.#send(message, member);
    this.#send({ kind: "connection", connection: this.#up ? "up" : "down" }, member);
  }

  detach(member: string): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.close();
  }

  close(): void {
    this.#drop();
    this.#cursor = null;
    this.#ring = [];
  }

  /** The network is said to be back: no need to wait any longer. */
  hurry(): void {
    if (this.#cursor && !this.#source) this.#connect();
  }

  #connect(): void {
    this.#drop();
    if (!this.#cursor) return;
    const query = new URLSearchParams({ after: `${this.#cursor.position}`, epoch: this.#cursor.epoch });
    const source = this.#surroundings.open(`/api/v1/stream?${query}`);
    this.#source = source;
    // one that was given up must not be heard any more
    const on = (type: string, hear: (event: MessageEvent<string>) => void): void =>
      source.addEventListener(type, (event) => {
        if (this.#source !== source) return;
        this.#watch();
        hear(event);
      });
    on("open", () => this.#tell(true));
    on("message", (event) => this.#frame(event));
    on("figures", ({ data }) => this.#send({ kind: "figures", data }));
    on("beat", () => {
      this.#failures = 0;
      this.#send({ kind: "beat" });
    });
    on("reset", () => {
      this.close();
      this.#send({ kind: "reset" });
    });
    on("error", () => void this.#lost());
    this.#watch();
  }

  #frame({ data, lastEventId }: MessageEvent<string>): void {
    const at = lastEventId.lastIndexOf(":");
    const epoch = lastEventId.slice(0, at);
    const position = Number(lastEventId.slice(at + 1));
    if (at < 1 || !Number.isSafeInteger(position)) return;
    const message: Message = { kind: "frame", epoch, data };
    this.#failures = 0;
    this.#cursor = { epoch, position };
    this.#ring.push({ position, message });
    if (this.#ring.length > RING) this.#base = this.#ring.shift()?.position ?? this.#base;
    this.#send(message);
  }

  /** A stream that says nothing for too long is a dead one, whatever the browser believes. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#lost(), SILENCE);
  }

  /** An EventSource never tells why it failed: asked for once, before coming back. */
  async #lost(): Promise<void> {
    this.#drop();
    this.#tell(false);
    const cursor = this.#cursor;
    this.#failures += 1;
    const longest = Math.min(RETRY_FIRST * 2 ** (this.#failures - 1), RETRY_LONGEST);
    // spread out: all browsers have lost the same server at the same moment
    const wait = longest * (0.5 + this.#surroundings.random() / 2);
    this.#timer = setTimeout(() => this.#connect(), wait);
    const user = await this.#surroundings.whoAmI().catch(() => undefined);
    if (user === undefined || this.#cursor !== cursor) return;
    if (user === null) {
      this.close();
      this.#send({ kind: "connection", connection: "signed_out" });
    } else {
      this.#send({ kind: "user", id: user });
    }
  }

  #tell(up: boolean): void {
    this.#up = up;
    this.#send({ kind: "connection", connection: up ? "up" : "down" });
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.#up = false;
  }
}

/**
 * One tab's part: takes the snapshot, follows the frames, and hands on what changed, at most once per painted frame.
 */
import { Problem, type Snapshot } from "$lib/api";

import type { Connection, Line, Message, Tab } from "./messages";
import { type Cursor, type Figures, type Frame, type Measured, type Table, Tables } from "./tables";

export type Changed = Record<Table, Set<string>>;
export type Newer = Record<Measured, Set<string>>;

export interface Listener {
  onRows(tables: Tables, changed: Changed): void;
  onFigures(tables: Tables, newer: Newer): void;
  onConnection(connection: Connection): void;
  /** Something was heard of the server. */
  onSign(): void;
  /** Who the browser is signed in as, which another tab may have changed. */
  onUser(id: string): void;
}

export interface Outside {
  snapshot(): Promise<Snapshot>;
  line(tab: Tab): Line;
  random(): number;
}

// figures are looked at, not waited for
export const FIGURES_EVERY = 100;
// longer than the holder of the stream waits itself
export const SILENCE = 60_000;
const RETRY_FIRST = 500;
const RETRY_LONGEST = 15_000;
// whatever goes wrong, no more than one snapshot in this time
const APART = 1_000;

export class Engine implements Tab {
  readonly id: string;
  readonly #tables = new Tables();
  readonly #outside: Outside;
  readonly #listener: Listener;
  #line: Line | null = null;
  #running = false;
  #fetching = false;
  #failures = 0;
  #begun = -Infinity;
  #painting = false;
  #measuring = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string, outside: Outside, listener: Listener) {
    this.id = id;
    this.#outside = outside;
    this.#listener = listener;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#line = this.#outside.line(this);
    this.#watch();
    void this.#begin();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#line?.close();
    this.#line = null;
  }

  cursor(): Cursor | null {
    return this.#fetching ? null : this.#tables.cursor;
  }

  hear(message: Message): void {
    if (!this.#running) return;
    this.#watch();
    if (message.kind === "connection") this.#connection(message.connection);
    else if (message.kind === "user") this.#listener.onUser(message.id);
    else if (message.kind === "reset") this.#anew();
    else {
      this.#listener.onSign();
      if (message.kind === "frame") this.#frame(message.epoch, JSON.parse(message.data) as Frame);
      else if (message.kind === "figures")
        this.#figures(JSON.parse(message.data) as Partial<{ [M in Measured]: Figures[M][] }>);
    }
  }

  #frame(epoch: string, frame: Frame): void {
    // the snapshot under way will have it, or it is told again from there on
    if (this.#fetching) return;
    const applied = this.#tables.apply(epoch, frame);
    if (applied === "gap") this.#anew();
    else if (applied === "applied") this.#paint();
  }

  #figures(figures: Partial<{ [M in Measured]: Figures[M][] }>): void {
    this.#tables.measure(figures);
    if (this.#measuring) return;
    this.#measuring = true;
    setTimeout(() => {
      this.#measuring = false;
      this.#listener.onFigures(this.#tables, this.#tables.takeMeasured());
    }, FIGURES_EVERY);
  }

  #anew(): void {
    clearTimeout(this.#retry);
    const wait = Math.max(0, this.#begun + APART - performance.now());
    this.#retry = setTimeout(() => void this.#begin(), wait);
  }

  /** A snapshot, then everything after it. */
  async #begin(): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    this.#begun = performance.now();
    clearTimeout(this.#retry);
    try {
      this.#tables.replace(await this.#outside.snapshot());
      this.#failures = 0;
    } catch (error) {
      this.#again(error);
      return;
    } finally {
      this.#fetching = false;
    }
    if (!this.#running) return;
    this.#listener.onSign();
    this.#listener.onRows(this.#tables, this.#tables.takeChanged());
    this.#listener.onFigures(this.#tables, this.#tables.takeMeasured());
    this.#line?.attach();
  }

  #again(error: unknown): void {
    if (!this.#running) return;
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) {
      this.#connection("signed_out");
      return;
    }
    this.#connection("down");
    const longest = Math.min(RETRY_FIRST * 2 ** this.#failures, RETRY_LONGEST);
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.#begin(), longest * (0.5 + this.#outside.random() / 2));
  }

  #connection(connection: Connection): void {
    if (connection === "up") this.#listener.onSign();
    this.#listener.onConnection(connection);
    if (connection === "signed_out") this.stop();
  }

  /** What changes between two paintings is painted once. A page that nobody sees is painted all the same, for its title. */
  #paint(): void {
    if (this.#painting) return;
    this.#painting = true;
    const commit = (): void => {
      this.#painting = false;
      this.#listener.onRows(this.#tables, this.#tables.takeChanged());
    };
    if (document.visibilityState === "visible") requestAnimationFrame(commit);
    else setTimeout(commit, FIGURES_EVERY);
  }

  /** Whoever holds the stream is gone without a word: find out who does now. */
  #watch(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#connection("down");
      this.#line?.close();
      this.#line = this.#outside.line(this);
      this.#line.attach();
      this.#watch();
    }, SILENCE);
  }
}

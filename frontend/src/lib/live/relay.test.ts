import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Message } from "./messages";
import { Relay, RETRY_LONGEST, SILENCE, type Source } from "./relay";

class FakeSource implements Source {
  closed = false;
  readonly #listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly url: string) {}

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.#listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }

  emit(type: string, data = "", lastEventId = ""): void {
    this.#listeners.get(type)?.({ data, lastEventId } as MessageEvent<string>);
  }

  frame(position: number, epoch = "e"): void {
    this.emit("message", `{"position":${position}}`, `${epoch}:${position}`);
  }
}

let sources: FakeSource[];
let heard: { message: Message; to: string | undefined }[];
let user: () => Promise<string | null>;
let relay: Relay;

const last = (): FakeSource => sources.at(-1) as FakeSource;
const said = (kind: Message["kind"]): Message[] => heard.map(({ message }) => message).filter((m) => m.kind === kind);
const from = (position: number, epoch = "e") => ({ epoch, position });

beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  heard = [];
  user = () => Promise.resolve("ada");
  const open = (url: string): Source => {
    sources.push(new FakeSource(url));
    return last();
  };
  relay = new Relay({ open, whoAmI: () => user(), random: () => 1 }, (message, to) => heard.push({ message, to }));
});
afterEach(() => vi.useRealTimers());

describe("one stream for all", () => {
  test("opens with the first who attaches, from where they are", () => {
    relay.attach("a", from(7));
    relay.attach("b", from(9));
    expect(sources.map(({ url }) => url)).toEqual(["/api/v1/stream?after=7&epoch=e"]);
  });

  test("who attaches later is told what came since their snapshot, and nobody else is", () => {
    relay.attach("a", from(7));
    for (const position of [8, 9, 10]) last().frame(position);
    heard = [];
    relay.attach("b", from(8));
    const frames = heard.filter(({ message }) => message.kind === "frame");
    expect(frames.map(({ message, to }) => [to, message.kind === "frame" && message.data])).toEqual([
      ["b", '{"position":9}'],
      ["b", '{"position":10}'],
    ]);
  });

  test("who is further back than what is kept takes a new snapshot", () => {
    relay.attach("a", from(7));
    relay.attach("b", from(6));
    expect(heard).toContainEqual({ message: { kind: "reset" }, to: "b" });
  });

  test("keeps no more than so much", () => {
    relay.attach("a", from(0));
    for (let position = 1; position <= 600; position += 1) last().frame(position);
    relay.attach("b", from(99));
    expect(heard.at(-1)).toEqual({ message: { kind: "reset" }, to: "b" });
    heard = [];
    relay.attach("c", from(100));
    expect(said("frame")).toHaveLength(500);
  });

  test("who is of another epoch takes a new snapshot", () => {
    relay.attach("a", from(7));
    relay.attach("b", from(7, "other"));
    expect(heard).toContainEqual({ message: { kind: "reset" }, to: "b" });
  });

  test("closes when nobody is left", () => {
    relay.attach("a", from(7));
    relay.attach("b", from(7));
    relay.detach("a");
    expect(last().closed).toBe(false);
    relay.detach("b");
    expect(last().closed).toBe(true);
  });
});

describe("a stream that breaks", () => {
  test("is opened again from the last frame, later each time, and never later than so much", async () => {
    relay.attach("a", from(7));
    last().frame(8);
    const waits: number[] = [];
    for (let failure = 0; failure < 8; failure += 1) {
      const before = Date.now();
      const count = sources.length;
      last().emit("error");
      while (sources.length === count) await vi.advanceTimersToNextTimerAsync();
      waits.push(Date.now() - before);
    }
    expect(last().url).toBe("/api/v1/stream?after=8&epoch=e");
    expect(waits.slice(0, 3)).toEqual([500, 1000, 2000]);
    expect(Math.max(...waits)).toBe(RETRY_LONGEST);
  });

  test("is given up when nothing is heard for too long", async () => {
    relay.attach("a", from(7));
    last().emit("open");
    const first = last();
    await vi.advanceTimersByTimeAsync(SILENCE - 1);
    first.emit("beat", "{}");
    await vi.advanceTimersByTimeAsync(SILENCE - 1);
    expect(first.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(first.closed).toBe(true);
    expect(said("connection").at(-1)).toEqual({ kind: "connection", connection: "down" });
  });

  test("is not heard any more", async () => {
    relay.attach("a", from(7));
    const first = last();
    first.emit("error");
    await vi.advanceTimersByTimeAsync(600);
    heard = [];
    first.frame(99);
    expect(heard).toEqual([]);
  });

  test("because the session ended is not opened again", async () => {
    relay.attach("a", from(7));
    user = () => Promise.resolve(null);
    last().emit("error");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sources).toHaveLength(1);
    expect(said("connection").at(-1)).toEqual({ kind: "connection", connection: "signed_out" });
  });

  test("while nobody answers is nobody's signing out", async () => {
    relay.attach("a", from(7));
    user = () => Promise.reject(new Error("away"));
    last().emit("error");
    await vi.advanceTimersByTimeAsync(600);
    expect(sources).toHaveLength(2);
  });

  test("tells who is signed in now", async () => {
    relay.attach("a", from(7));
    user = () => Promise.resolve("bob");
    last().emit("error");
    await vi.advanceTimersByTimeAsync(0);
    expect(said("user")).toEqual([{ kind: "user", id: "bob" }]);
  });
});

test("a reset reaches everybody, and the next who attaches begins anew", () => {
  relay.attach("a", from(7));
  last().emit("reset", '{"reason":"rebuilt"}');
  expect(heard).toContainEqual({ message: { kind: "reset" }, to: undefined });
  relay.attach("a", from(3, "f"));
  expect(last().url).toBe("/api/v1/stream?after=3&epoch=f");
});

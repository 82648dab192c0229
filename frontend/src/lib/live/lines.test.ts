import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { SILENCE } from "./election";
import { ByChannel, type Channel, line } from "./lines";
import type { Message, Tab } from "./messages";
import type { Source } from "./relay";

class FakeSource implements Source {
  closed = false;
  readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }
}

/** The tabs of one browser, which hear each other and share a server. */
class Browser {
  readonly tabs = new Map<string, FakeTab>();
  readonly streams: { tab: string; source: FakeSource }[] = [];

  open(id: string): FakeTab {
    const tab = new FakeTab(id, this);
    this.tabs.set(id, tab);
    return tab;
  }

  /** Streams that are open. */
  get following(): string[] {
    return this.streams.filter(({ source }) => !source.closed).map(({ tab }) => tab);
  }

  /** A frame on every open stream. */
  send(position: number): void {
    for (const { source } of this.streams) {
      const event = { data: `{"prev":0,"position":${position}}`, lastEventId: `e:${position}` };
      if (!source.closed) source.listeners.get("message")?.(event as MessageEvent<string>);
    }
  }
}

class FakeTab implements Tab {
  readonly heard: Message[] = [];
  readonly line: ByChannel;
  #frozen = false;

  constructor(
    readonly id: string,
    browser: Browser,
  ) {
    const channel: Channel = {
      onmessage: null,
      // the others hear it later, as they would
      postMessage: (said) => {
        if (this.#frozen) return;
        for (const tab of browser.tabs.values()) {
          if (tab !== this && !tab.#frozen) setTimeout(() => tab.deliver?.({ data: said } as MessageEvent), 1);
        }
      },
      close: () => browser.tabs.delete(id),
    };
    this.deliver = (event) => channel.onmessage?.(event);
    const open = (): Source => {
      const source = new FakeSource();
      browser.streams.push({ tab: id, source });
      return source;
    };
    this.line = new ByChannel(this, channel, { open, whoAmI: () => Promise.resolve("ada"), random: () => 0.5 });
  }

  readonly deliver: (event: MessageEvent) => void;

  hear(message: Message): void {
    this.heard.push(message);
  }

  cursor() {
    return { epoch: "e", position: 0 };
  }

  /** It says and hears nothing any more, as one that crashed or that the browser put to sleep. */
  freeze(): void {
    this.#frozen = true;
  }

  wake(): void {
    this.#frozen = false;
  }

  get frames(): number {
    return this.heard.filter(({ kind }) => kind === "frame").length;
  }
}

let browser: Browser;
beforeEach(() => {
  vi.useFakeTimers();
  browser = new Browser();
});
afterEach(() => vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(1_000);

describe("tabs without a worker", () => {
  test("nine that are opened at once have one stream, and all hear it", async () => {
    const tabs = Array.from({ length: 9 }, (_, n) => browser.open(`tab${n}`));
    await settle();
    expect(browser.following).toHaveLength(1);
    browser.send(1);
    await settle();
    expect(tabs.map(({ frames }) => frames > 0)).toEqual(tabs.map(() => true));
  });

  test("one that comes later follows who leads", async () => {
    browser.open("a");
    await settle();
    const late = browser.open("0");
    await settle();
    expect(browser.following).toEqual(["a"]);
    browser.send(1);
    await settle();
    expect(late.frames).toBe(1);
  });

  test("another one takes over at once when the leader closes", async () => {
    const tabs = ["a", "b", "c"].map((id) => browser.open(id));
    await settle();
    const leader = tabs.find(({ id }) => id === browser.following[0]);
    leader?.line.close();
    await settle();
    expect(browser.following).toHaveLength(1);
    browser.send(2);
    await settle();
    expect(tabs.filter((tab) => tab !== leader).map(({ frames }) => frames)).toEqual([1, 1]);
  });

  test("another one takes over when the leader says nothing any more, and it yields when it wakes", async () => {
    const tabs = ["a", "b", "c"].map((id) => browser.open(id));
    await settle();
    const leader = tabs.find(({ id }) => id === browser.following[0]);
    leader?.freeze();
    await vi.advanceTimersByTimeAsync(2 * SILENCE);
    expect(browser.following).toHaveLength(2);
    leader?.wake();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(browser.following).toHaveLength(1);
    expect(browser.following).not.toContain(leader?.id);
    browser.send(3);
    await settle();
    expect(leader?.frames).toBe(1);
  });

  test("the last one that closes ends the stream", async () => {
    const tab = browser.open("a");
    await settle();
    tab.line.close();
    expect(browser.following).toEqual([]);
  });
});

test("where a worker is refused, the tabs do without", () => {
  const refused = vi.fn(() => {
    throw new DOMException("", "SecurityError");
  });
  vi.stubGlobal("SharedWorker", refused);
  const made = line({ id: "a", hear: () => undefined, cursor: () => null });
  expect(refused).toHaveBeenCalledOnce();
  expect(made).toBeInstanceOf(ByChannel);
  made.close();
  vi.unstubAllGlobals();
});

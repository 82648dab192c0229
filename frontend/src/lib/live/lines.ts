/** How a tab reaches the stream: by a worker that all tabs share, by the tab that leads, or on its own. */
import { Election, type Vote } from "./election";
import type { Line, Message, Request, Tab } from "./messages";
import { Relay, type Surroundings } from "./relay";
import { surroundings } from "./surroundings";

const NAME = "proximity-live";

export function line(tab: Tab): Line {
  if (typeof SharedWorker === "undefined") return withoutWorker(tab);
  try {
    return new ByWorker(tab);
  } catch {
    // where a site may keep nothing, some browsers refuse it at once
    return withoutWorker(tab);
  }
}

function withoutWorker(tab: Tab): Line {
  return typeof BroadcastChannel === "undefined" ? new Alone(tab) : new ByChannel(tab);
}

class ByWorker implements Line {
  readonly #worker: SharedWorker;
  // where the worker cannot run, as some browsers only find out when they try
  #instead: Line | null = null;

  constructor(tab: Tab) {
    this.#worker = new SharedWorker(new URL("./worker.ts", import.meta.url), { type: "module", name: NAME });
    this.#worker.port.onmessage = ({ data }: MessageEvent<Message>) => tab.hear(data);
    this.#worker.onerror = () => {
      this.#instead ??= withoutWorker(tab);
      this.#instead.attach();
    };
    this.attach = () => {
      const cursor = tab.cursor();
      if (this.#instead) this.#instead.attach();
      else if (cursor) this.#worker.port.postMessage({ kind: "attach", cursor } satisfies Request);
    };
  }

  readonly attach: () => void;

  close(): void {
    this.#instead?.close();
    this.#worker.port.postMessage({ kind: "detach" } satisfies Request);
    this.#worker.port.close();
  }
}

class Alone implements Line {
  readonly #tab: Tab;
  readonly #relay: Relay;

  constructor(tab: Tab) {
    this.#tab = tab;
    this.#relay = new Relay(surroundings, (message) => tab.hear(message));
    globalThis.addEventListener("online", this.#hurry);
  }

  attach(): void {
    const cursor = this.#tab.cursor();
    if (cursor) this.#relay.attach(this.#tab.id, cursor);
  }

  close(): void {
    globalThis.removeEventListener("online", this.#hurry);
    this.#relay.close();
  }

  readonly #hurry = (): void => this.#relay.hurry();
}

type Said = { vote: Vote } | { from: string; request: Request } | { to: string | undefined; message: Message };

/** What is used of a BroadcastChannel: who posts does not hear itself. */
export interface Channel {
  postMessage(said: Said): void;
  onmessage: ((event: MessageEvent<Said>) => void) | null;
  close(): void;
}

export class ByChannel implements Line {
  readonly #tab: Tab;
  readonly #channel: Channel;
  readonly #election: Election;
  readonly #around: Surroundings;
  #relay: Relay | null = null;

  constructor(tab: Tab, channel: Channel = new BroadcastChannel(NAME), around: Surroundings = surroundings) {
    this.#tab = tab;
    this.#channel = channel;
    this.#around = around;
    this.#election = new Election(tab.id, {
      send: (vote) => channel.postMessage({ vote }),
      onLeading: (leading) => this.#lead(leading),
      onLeader: () => this.attach(),
      random: around.random,
    });
    channel.onmessage = ({ data }) => this.#hear(data);
    globalThis.addEventListener("online", this.#hurry);
    this.#election.stand();
  }

  attach(): void {
    const cursor = this.#tab.cursor();
    if (!cursor) return;
    if (this.#relay) this.#relay.attach(this.#tab.id, cursor);
    else this.#request({ kind: "attach", cursor });
  }

  close(): void {
    globalThis.removeEventListener("online", this.#hurry);
    this.#request({ kind: "detach" });
    this.#relay?.close();
    this.#relay = null;
    this.#election.close();
    this.#channel.close();
  }

  #lead(leading: boolean): void {
    this.#relay?.close();
    this.#relay = leading ? new Relay(this.#around, (message, to) => this.#deliver(message, to)) : null;
    this.attach();
  }

  #deliver(message: Message, to: string | undefined): void {
    if (to !== this.#tab.id) this.#channel.postMessage({ to, message });
    if (to === undefined || to === this.#tab.id) this.#tab.hear(message);
  }

  #hear(said: Said): void {
    if ("vote" in said) this.#election.hear(said.vote);
    else if ("message" in said) {
      if (said.to === undefined || said.to === this.#tab.id) this.#tab.hear(said.message);
    } else if (said.request.kind === "attach") this.#relay?.attach(said.from, said.request.cursor);
    else this.#relay?.detach(said.from);
  }

  #request(request: Request): void {
    this.#channel.postMessage({ from: this.#tab.id, request });
  }

  readonly #hurry = (): void => this.#relay?.hurry();
}

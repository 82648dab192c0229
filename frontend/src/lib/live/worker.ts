/** Runs once for all tabs of this browser: holds the stream. */
import { uuid } from "$lib/api/uuid";

import type { Message, Request } from "./messages";
import { Relay } from "./relay";
import { surroundings } from "./surroundings";

const ports = new Map<string, MessagePort>();
const relay = new Relay(surroundings, (message: Message, to?: string) => {
  if (to !== undefined) ports.get(to)?.postMessage(message);
  else for (const port of ports.values()) port.postMessage(message);
});

// TypeScript knows either a page's globals or a worker's
const scope = globalThis as unknown as { onconnect: (event: MessageEvent) => void };
scope.onconnect = ({ ports: [port] }) => {
  if (!port) return;
  const id = uuid();
  ports.set(id, port);
  port.onmessage = ({ data }: MessageEvent<Request>) => {
    if (data.kind === "attach") relay.attach(id, data.cursor);
    else {
      relay.detach(id);
      ports.delete(id);
    }
  };
};
globalThis.addEventListener("online", () => relay.hurry());

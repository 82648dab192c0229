import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { body, Problem, type Snapshot } from "$lib/api";

import { Engine, type Listener, SILENCE } from "./engine";
import type { Cursor } from "./tables";

let position: number;
let snapshots: number;
let failing: Error | null;
let lines: number;
let attached: (Cursor | null)[];
let log: string[];
let engine: Engine;

const snapshot = (): Promise<Snapshot> => {
  snapshots += 1;
  const data = { epoch: "e", position, nodes: [{ id: "n" }], figures: {} } as unknown as Snapshot;
  return body(failing ? Promise.reject(failing) : Promise.resolve({ data }));
};
const listener: Listener = {
  onRows: (_, changed) => log.push(`rows ${[...changed.nodes].join()}`),
  onFigures: (_, newer) => log.push(`figures ${[...newer.nodes].join()}`),
  onConnection: (connection) => log.push(connection),
  onSign: () => undefined,
  onUser: (id) => log.push(`user ${id}`),
};
const frame = (prev: number, at: number, id = "n") =>
  engine.hear({
    kind: "frame",
    epoch: "e",
    data: JSON.stringify({ prev, position: at, changes: [{ table: "nodes", id, row: { id } }] }),
  });
const settle = (wait = 1_500) => vi.advanceTimersByTimeAsync(wait);

beforeEach(async () => {
  vi.useFakeTimers();
  position = 10;
  snapshots = 0;
  lines = 0;
  failing = null;
  attached = [];
  log = [];
  const line = () => {
    lines += 1;
    return { attach: () => attached.push(engine.cursor()), close: () => undefined };
  };
  engine = new Engine("tab", { snapshot, line, random: () => 1 }, listener);
  engine.start();
  await settle(0);
});
afterEach(() => {
  engine.stop();
  vi.useRealTimers();
});

describe("a tab", () => {
  test("attaches from where its snapshot is", () => {
    expect(attached).toEqual([{ epoch: "e", position: 10 }]);
    expect(log).toEqual(["rows n", "figures "]);
  });

  test("draws what came between two paintings once", async () => {
    log = [];
    frame(10, 11, "a");
    frame(11, 12, "b");
    expect(log).toEqual([]);
    await settle(20);
    expect(log).toEqual(["rows a,b"]);
  });

  test("hands on figures ten times a second at most", async () => {
    log = [];
    for (const id of ["a", "b", "c"]) {
      engine.hear({ kind: "figures", data: JSON.stringify({ nodes: [{ id, at: "2026-01-01" }] }) });
    }
    await settle(99);
    expect(log).toEqual([]);
    await settle(1);
    expect(log).toEqual(["figures a,b,c"]);
  });

  test("that missed a frame takes a snapshot and goes on from there", async () => {
    position = 20;
    frame(11, 12);
    await settle();
    expect(snapshots).toBe(2);
    expect(attached.at(-1)).toEqual({ epoch: "e", position: 20 });
  });

  test("that is told to reset over and over takes one snapshot a second", async () => {
    for (let told = 0; told < 50; told += 1) {
      engine.hear({ kind: "reset" });
      await settle(100);
    }
    expect(snapshots).toBeGreaterThan(3);
    expect(snapshots).toBeLessThanOrEqual(7);
  });

  test.each([
    ["no snapshot", new Problem(503, "read_model_not_ready", "", "")],
    ["one that breaks off", new TypeError("network error")],
    ["half of one", new SyntaxError("Unexpected end of JSON input")],
  ])("that gets %s tries again, and says that the server is away", async (_, error) => {
    failing = error;
    engine.hear({ kind: "reset" });
    await settle(2_000);
    expect(log).toContain("down");
    failing = null;
    await settle(5_000);
    expect(attached).toHaveLength(2);
  });

  test("whose session is over stops", async () => {
    failing = new Problem(401, "not_signed_in", "", "");
    engine.hear({ kind: "reset" });
    await settle();
    expect(log.at(-1)).toBe("signed_out");
    const before = snapshots;
    await settle(120_000);
    expect(snapshots).toBe(before);
  });

  test("that hears nothing looks for who holds the stream now", async () => {
    await settle(SILENCE - 1);
    engine.hear({ kind: "beat" });
    await settle(SILENCE - 1);
    expect(lines).toBe(1);
    await settle(1);
    expect(lines).toBe(2);
    expect(attached).toHaveLength(2);
  });
});

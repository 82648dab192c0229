import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Snapshot } from "$lib/api";

import { type Frame, Tables } from "./tables";

/** A server as far as the stream goes: rows, the positions that touched them last, and what was sent to whom. */
class Server {
  epoch = "e0";
  position = 0;
  readonly rows = new Map<string, { id: string; position: number; name: string }>();
  readonly gone = new Map<string, number>();

  write(id: string, name: string | null): void {
    this.position += 1;
    if (name === null) {
      this.rows.delete(id);
      this.gone.set(id, this.position);
    } else {
      this.rows.set(id, { id, position: this.position, name });
      this.gone.delete(id);
    }
  }

  /** The tables are built anew: other positions, and what they mean is another thing. */
  rebuild(): void {
    this.epoch += "'";
    this.position += 7;
    this.gone.clear();
  }

  snapshot(): Snapshot {
    const nodes = [...this.rows.values()].map((row) => ({ ...row }));
    return { epoch: this.epoch, position: this.position, nodes, figures: {} } as unknown as Snapshot;
  }

  /** A row is in the frame of the position that touched it last, and in no other. */
  framesAfter(after: number): Frame[] {
    const at = new Map<number, Frame["changes"]>();
    for (const [id, row] of this.rows) at.set(row.position, [{ table: "nodes", id, row }]);
    for (const [id, position] of this.gone) at.set(position, [{ table: "nodes", id, row: null }]);
    let prev = after;
    return [...at.keys()]
      .filter((position) => position > after)
      .sort((a, b) => a - b)
      .map((position) => {
        const frame = { prev, position, changes: at.get(position) ?? [] };
        prev = position;
        return frame;
      });
  }
}

const ids = fc.constantFrom("a", "b", "c", "d");
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      id: ids,
      name: fc.option(fc.string({ maxLength: 3 })),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("send" as const) }) },
  {
    weight: 8,
    // of what waits in the net: which one arrives, is lost, or arrives and stays to arrive again
    arbitrary: fc.record({
      kind: fc.constantFrom("deliver" as const, "lose" as const, "repeat" as const),
      which: fc.nat(9),
    }),
  },
  // rare, because after it a snapshot makes everything good
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rebuild" as const) }) },
);

function held(tables: Tables): Record<string, unknown> {
  return Object.fromEntries(tables.rows.nodes);
}

describe("any order, duplication and loss of frames", () => {
  test("ends in the server's state", () => {
    let gaps = 0;
    let duplicates = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const server = new Server();
        const tables = new Tables();
        const net: { epoch: string; frame: Frame }[] = [];
        tables.replace(server.snapshot());
        let sent = { epoch: server.epoch, position: 0 };
        const receive = ({ epoch, frame }: { epoch: string; frame: Frame }): void => {
          const applied = tables.apply(epoch, frame);
          if (applied === "known") duplicates += 1;
          if (applied === "gap") {
            gaps += 1;
            tables.replace(server.snapshot());
          }
        };
        for (const done of steps) {
          if (done.kind === "write") server.write(done.id, done.name);
          else if (done.kind === "rebuild") server.rebuild();
          else if (done.kind === "send") {
            if (sent.epoch === server.epoch) {
              for (const frame of server.framesAfter(sent.position)) net.push({ epoch: sent.epoch, frame });
            }
            sent = { epoch: server.epoch, position: server.position };
          } else if (net.length > 0) {
            const at = done.which % net.length;
            const [picked] = done.kind === "repeat" ? [net[at]] : net.splice(at, 1);
            if (picked && done.kind !== "lose") receive(picked);
          }
        }
        // as after any reconnection: the server goes on from where the tables say they are, or says that it cannot
        const { epoch, position } = tables.cursor ?? { epoch: "", position: 0 };
        if (epoch !== server.epoch) tables.replace(server.snapshot());
        else for (const frame of server.framesAfter(position)) receive({ epoch, frame });
        expect(held(tables)).toEqual(Object.fromEntries(server.rows));
      }),
      { numRuns: 500 },
    );
    expect(gaps, "the steps must meet gaps").toBeGreaterThan(0);
    expect(duplicates, "and duplicates").toBeGreaterThan(0);
  });
});

describe("a frame", () => {
  const server = new Server();
  const at = (position: number): Tables => {
    const tables = new Tables();
    tables.replace({ ...server.snapshot(), position });
    return tables;
  };
  const frame = (prev: number, position: number): Frame => ({ prev, position, changes: [] });

  test("fits whoever stands between its prev and its position", () => {
    expect(at(5).apply("e0", frame(5, 8))).toBe("applied");
    expect(at(6).apply("e0", frame(5, 8))).toBe("applied");
    expect(at(8).apply("e0", frame(5, 8))).toBe("known");
    expect(at(4).apply("e0", frame(5, 8))).toBe("gap");
  });

  test("of another epoch means nothing here", () => {
    expect(at(5).apply("e1", frame(5, 8))).toBe("gap");
  });

  test("of a table that nobody shows only moves on", () => {
    const tables = at(5);
    tables.apply("e0", { prev: 5, position: 6, changes: [{ table: "users", id: "u", row: {} }] });
    expect(tables.cursor).toEqual({ epoch: "e0", position: 6 });
    expect(Object.values(tables.takeChanged()).every((ids) => ids.size === 0)).toBe(true);
  });
});

describe("figures", () => {
  const cpu = (at: string, value: number) => ({ nodes: [{ id: "n", at, cpu: value }] });

  test("of each thing the newest counts, whatever comes last", () => {
    const tables = new Tables();
    tables.measure(cpu("2026-01-01T00:00:02Z", 0.2));
    tables.measure(cpu("2026-01-01T00:00:01Z", 0.1));
    expect(tables.figures.nodes.get("n")?.cpu).toBe(0.2);
  });
});

describe("what grows without end", () => {
  test("is thinned out, but for operations under way", () => {
    const tables = new Tables();
    tables.replace(new Server().snapshot());
    for (let position = 1; position <= 500; position += 1) {
      const row = { id: `${position}`, status: position === 1 ? "undecided" : "succeeded" };
      const changes = [{ table: "operations", id: row.id, row }];
      expect(tables.apply("e0", { prev: position - 1, position, changes })).toBe("applied");
    }
    expect(tables.rows.operations.size).toBeLessThanOrEqual(400);
    expect(tables.rows.operations.has("1")).toBe(true);
    expect(tables.rows.operations.has("2")).toBe(false);
    expect(tables.rows.operations.has("500")).toBe(true);
  });
});

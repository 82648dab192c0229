import fc from "fast-check";
import { expect, test } from "vitest";

import { LiveTable } from "./table.svelte";

interface Row {
  id: string;
  rank: number;
  group: number;
}

const id = fc.constantFrom(..."abcdefgh");
const row = fc.record({ rank: fc.nat(3), group: fc.nat(1) });
const commits = fc.array(fc.array(fc.tuple(id, fc.option(row, { nil: undefined })), { maxLength: 4 }));
const order = (a: Row, b: Row) => a.rank - b.rank || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

test("whatever comes, goes and moves, the rows are those that are there, in their order", () => {
  fc.assert(
    fc.property(commits, (all) => {
      const table = new LiveTable<Row>(order, ({ rank, group }) => `${rank} ${group}`);
      const there = new Map<string, Row>();
      for (const commit of all) {
        const changes = commit.map(([id, row]) => [id, row && { id, ...row }] as const);
        for (const [id, row] of changes) {
          if (row) there.set(id, row);
          else there.delete(id);
        }
        table.commit(changes);
        expect(table.rows).toEqual([...there.values()].sort(order));
      }
    }),
  );
});

test("who groups the rows learns of another group, also where the order stays", () => {
  const table = new LiveTable<Row>(order, ({ rank, group }) => `${rank} ${group}`);
  table.commit([["a", { id: "a", rank: 1, group: 0 }]]);
  const before = table.ids;
  table.commit([["a", { id: "a", rank: 1, group: 1 }]]);
  expect(table.ids).not.toBe(before);
  expect(table.ids).toEqual(before);
});

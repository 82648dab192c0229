import { expect, test } from "vitest";

import { isWithin, PLACES } from "./places";

test.each([
  ["/", "/"],
  ["/apps", "/apps"],
  ["/apps/1/history", "/apps"],
  ["/deploy/gitea", "/catalog"],
  ["/guests/c-100", "/discovery"],
  ["/nodes/c/pve1", "/clusters"],
  ["/storages/c/pve1/local-lvm", "/clusters"],
  ["/operations/1", "/activity"],
  ["/settings/profile", "/settings"],
])("%s is within %s alone", (path, href) =>
  expect(PLACES.filter((place) => isWithin(path, place)).map((place) => place.href)).toEqual([href]),
);

import { describe, expect, it } from "vitest";
import { age, bytes, duration, mebibytes, percent, relative } from "./format";

describe("bytes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "0.98 KiB"],
    [1024, "1.00 KiB"],
    [10 * 1024, "10.0 KiB"],
    [1.5 * 1024 ** 3, "1.50 GiB"],
    [1023.6 * 1024 ** 2, "1.00 GiB"],
    [123 * 1024 ** 4, "123 TiB"],
    [NaN, "–"],
  ])("%d is %s", (value, text) => expect(bytes(value)).toBe(text));

  it("counts mebibytes as Proxmox does", () => expect(mebibytes(2048)).toBe("2.00 GiB"));
});

describe("percent", () => {
  it.each([
    [0, "0%"],
    [0.004, "<1%"],
    [0.42, "42%"],
    [0.996, ">99%"],
    [1, "100%"],
    [3.2, "320%"],
    [NaN, "–"],
  ])("%d is %s", (share, text) => expect(percent(share)).toBe(text));
});

describe("time", () => {
  const minute = 60_000;
  it.each([
    [900, "<1 s"],
    [59_999, "59 s"],
    [65_000, "1 min 05 s"],
    [65 * minute, "1 h 05 min"],
    [49 * 60 * minute, "2 d 1 h"],
    [-5, "0 s"],
  ])("%d ms last %s", (ms, text) => expect(duration(ms)).toBe(text));

  it("tells ages in one unit, and never a negative one", () => {
    expect(age(0, 90 * minute)).toBe("1 h");
    expect(age(5000, 0)).toBe("0 s");
  });

  it("is now for ten seconds, relative for a month, then a day", () => {
    expect(relative(0, 9_000)).toBe("just now");
    expect(relative(0, 5 * minute)).toBe("5 min ago");
    expect(relative(0, 40 * 24 * 60 * minute)).toMatch(/^1 Jan 1970$|^31 Dec 1969$/);
  });
});

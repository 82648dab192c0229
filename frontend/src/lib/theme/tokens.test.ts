import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync("src/lib/theme/tokens.css", "utf8");
const SURFACES = ["deck", "panel", "raise"];
const TONES = ["accent", "ok", "warn", "err", "off"];

function colours(theme: "light" | "dark"): Map<string, string> {
  const pairs = css.matchAll(/--color-([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g);
  return new Map([...pairs].map(([, name = "", light = "", dark = ""]) => [name, theme === "light" ? light : dark]));
}

/** Relative luminance as in WCAG 2.2. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

describe.each(["light", "dark"] as const)("%s", (theme) => {
  const of = colours(theme);
  const between = (a: string, b: string) => contrast(of.get(a) ?? "", of.get(b) ?? "");

  it.each(["ink", "ink2", "ink3", ...TONES])("%s can be read on every surface", (text) => {
    for (const surface of SURFACES) expect(between(text, surface), surface).toBeGreaterThanOrEqual(4.5);
  });

  it.each(TONES)("%s, ink and ink2 can be read on its soft surface", (tone) => {
    for (const text of [tone, "ink", "ink2"]) expect(between(text, `${tone}-soft`), text).toBeGreaterThanOrEqual(4.5);
  });

  it("the words on filled buttons can be read", () => {
    expect(between("on-accent", "accent")).toBeGreaterThanOrEqual(4.5);
    expect(between("on-err", "err")).toBeGreaterThanOrEqual(4.5);
  });

  it.each(["series1", "series2", "series3", "series4"])("%s is seen on a panel", (line) => {
    expect(between(line, "panel")).toBeGreaterThanOrEqual(3);
  });

  it("the border of a control is seen on every surface", () => {
    for (const surface of SURFACES) expect(between("line2", surface), surface).toBeGreaterThanOrEqual(3);
  });
});

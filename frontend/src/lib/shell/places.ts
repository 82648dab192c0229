import Activity from "@lucide/svelte/icons/activity";
import AppWindow from "@lucide/svelte/icons/app-window";
import Gauge from "@lucide/svelte/icons/gauge";
import LayoutGrid from "@lucide/svelte/icons/layout-grid";
import Radar from "@lucide/svelte/icons/radar";
import Rows3 from "@lucide/svelte/icons/rows-3";
import Server from "@lucide/svelte/icons/server";
import Settings from "@lucide/svelte/icons/settings";
import TriangleAlert from "@lucide/svelte/icons/triangle-alert";
import type { Component } from "svelte";

import { shell } from "$lib/texts/shell";

export interface Place {
  href: string;
  name: string;
  icon: Component;
  /** What belongs to it under another address. */
  also?: readonly string[];
  /** In the bar of a narrow screen; the others are behind "More". */
  main?: boolean;
}

export const PLACES: readonly Place[] = [
  { href: "/", name: shell.deck, icon: Gauge, main: true },
  { href: "/rack", name: shell.rack, icon: Rows3, main: true },
  { href: "/apps", name: shell.apps, icon: AppWindow, main: true },
  { href: "/catalog", name: shell.catalog, icon: LayoutGrid, also: ["/deploy"], main: true },
  { href: "/discovery", name: shell.discovery, icon: Radar, also: ["/guests"] },
  { href: "/findings", name: shell.findings, icon: TriangleAlert },
  { href: "/clusters", name: shell.clusters, icon: Server, also: ["/nodes", "/storages"] },
  { href: "/activity", name: shell.activity, icon: Activity, also: ["/operations"] },
  { href: "/settings", name: shell.settings, icon: Settings },
];

/** `/apps/1/history` is within `/apps`; everything is within `/`, which counts only for itself. */
export function isWithin(path: string, { href, also = [] }: Pick<Place, "href" | "also">): boolean {
  return path === href || [href, ...also].some((place) => place !== "/" && path.startsWith(`${place}/`));
}

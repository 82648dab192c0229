import type { Shape } from "$lib/texts/states";

/** A guest as the rack shows it. Shares are from 0 to 1; undefined while nobody knows. */
export interface Unit {
  id: string;
  name: string;
  /** What it is: "CT 104", and the recipe if it is ours. */
  kind: string;
  state: Shape;
  word?: string | undefined;
  cpu?: number | undefined;
  memory?: number | undefined;
  address?: string | undefined;
  href: string;
  /** Its values are old: dimmed. */
  stale?: boolean | undefined;
}

/** A node, the header above its guests. */
export interface RackNode {
  id: string;
  name: string;
  state: Shape;
  word?: string | undefined;
  cpu?: number | undefined;
  memory?: number | undefined;
  /** Of its root file system. */
  disk?: number | undefined;
  /** As it reads: "11.2 of 32.0 GiB". */
  memoryText?: string | undefined;
  /** As it reads: "in 4.2 MiB/s, out 1.1 MiB/s". */
  trafficText?: string | undefined;
  guests: number;
  href: string;
  /** Since when it cannot be reached, ISO 8601. */
  unreachableSince?: string | undefined;
}

/** A line of the rack. What it shows is asked for while it is in view, so that it alone follows a change of that. */
export type RackRow =
  | { id: string; node: () => RackNode; unit?: undefined }
  | { id: string; node?: undefined; unit: () => Unit | undefined };

export const UNIT_HEIGHT = 44;
export const NODE_HEIGHT = 76;

/** The columns units and their header share; phones keep name and state. */
export const columns =
  "grid items-center gap-x-4 grid-cols-[minmax(0,1fr)_auto] md:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)_8rem_6rem_6rem]";

import type { Application, Guest, GuestFigures } from "$lib/api";
import { stateOf } from "$lib/applications/state";
import { nodes as texts } from "$lib/texts/nodes";
import type { Shape } from "$lib/texts/states";
import type { Unit } from "$lib/ui/rack";

type Now = GuestFigures | undefined;

const SHAPES: Record<string, Shape> = { running: "running", stopped: "stopped" };
// true of it wherever its node is
const KNOWN = new Set<Application["status"]>(["failed", "gone"]);

/** `memory_used` of all that it may use; both in bytes. What does not run uses nothing, and has nothing to show. */
function shares(now: Now, memory: number | null): Pick<Unit, "cpu" | "memory"> {
  if (now?.status !== "running") return { cpu: undefined, memory: undefined };
  const used = now.memory_used ?? null;
  return { cpu: now.cpu ?? undefined, memory: used !== null && memory ? used / memory : undefined };
}

/** Of what cannot be reached nobody knows what it does: it is not called stopped. */
const UNKNOWN = { state: "unknown", word: undefined, cpu: undefined, memory: undefined, stale: true } as const;

/** `reachable`: its node, or where it is to be. */
export function ofApplication(application: Application, now: Now, reachable = true): Unit {
  const { id, name, recipe, vmid, address, status } = application;
  const { shape, word } = stateOf(application);
  return {
    id,
    name,
    kind: vmid === null ? recipe : `${texts.kind.lxc} ${vmid} · ${recipe}`,
    state: shape,
    word,
    ...shares(now, application.memory_mib * 1024 ** 2),
    address: address ?? undefined,
    href: `/apps/${id}`,
    ...(reachable || KNOWN.has(status) ? {} : UNKNOWN),
  };
}

/** `addresses`: those it can be reached at now. */
export function ofGuest(guest: Guest, now: Now, reachable = true, addresses: readonly string[] = []): Unit {
  const { id, vmid, type, template } = guest;
  return {
    id,
    name: guest.name ?? `${texts.kind[type]} ${vmid}`,
    kind: `${texts.kind[type]} ${vmid}`,
    state: template ? "stopped" : (SHAPES[now?.status ?? ""] ?? "unknown"),
    word: template ? texts.template : undefined,
    ...shares(now, guest.memory),
    address: addresses[0],
    href: `/guests/${encodeURIComponent(id)}`,
    ...(reachable || template ? {} : UNKNOWN),
  };
}

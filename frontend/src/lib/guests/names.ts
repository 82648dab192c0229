/** What a guest is called: pure. */
import type { Guest } from "$lib/api";
import { guestTexts as texts } from "$lib/texts/guests";

/** What Proxmox calls one that has no name. */
export const nameOf = ({ name, type, vmid }: Pick<Guest, "name" | "type" | "vmid">): string =>
  name ?? texts.named(texts.kind[type], vmid);

/** What it seems to be, by what Proxmox tells of it. */
export function guessOf({ app, port }: Pick<Guest, "app" | "port">): string {
  if (app !== null) return port === null ? app : texts.appPort(app, port);
  return port === null ? texts.notRecognised : texts.portOnly(port);
}

/** What a person types, or copies from the address bar of Proxmox VE, as an endpoint; 8006 is Proxmox's port. */
export function endpointOf(typed: string): string {
  const text = typed.trim();
  if (!text) return "";
  const [, scheme = "https://", rest = ""] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/i.exec(text) ?? [];
  const [place = ""] = rest.split(/[?#]/);
  const [authority = "", ...path] = place.replace(/\/+$/, "").split("/");
  const port = /:\d+$/.test(authority) ? "" : ":8006";
  return `${scheme}${[authority + port, ...path].join("/")}`;
}

/** A name for it: of `https://pve1.lan:8006` it is `pve1`; of an address in digits there is none. */
export function nameOf(endpoint: string): string {
  const host = /^https:\/\/([^/:]+)/.exec(endpoint)?.[1] ?? "";
  return /^[\d.]+$|^\[/.test(host) ? "" : (host.split(".")[0] ?? "");
}

/** Whether two spellings are one fingerprint; null: `typed` is none. */
export function sameFingerprint(typed: string, seen: string): boolean | null {
  const digits = (text: string): string =>
    text
      .replace(/^\s*SHA-?256:/i, "")
      .replace(/[^0-9a-f]/gi, "")
      .toLowerCase();
  return digits(typed).length === 64 ? digits(typed) === digits(seen) : null;
}

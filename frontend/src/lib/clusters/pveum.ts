/** The commands that make Proximity's token on Proxmox VE, and those that add what one lacks. For a shell on a node. */

export const TOKEN_ID = "proximity@pve!proximity";

/** Everything Proximity does, and nothing more. */
const ROLES = {
  ProximityGuest: [
    "VM.Allocate",
    "VM.Audit",
    "VM.Config.CPU",
    "VM.Config.Disk",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.PowerMgmt",
  ],
  ProximityStore: ["Datastore.Audit", "Datastore.AllocateSpace", "Datastore.AllocateTemplate"],
  ProximityNode: ["Sys.Audit", "Sys.AccessNetwork"],
  ProximityNet: ["SDN.Use"],
} as const;
type Role = keyof typeof ROLES;

const ROLE_OF: Record<string, Role> = {
  VM: "ProximityGuest",
  Pool: "ProximityGuest",
  Datastore: "ProximityStore",
  Sys: "ProximityNode",
  SDN: "ProximityNet",
};

export interface Token {
  user: string;
  name: string;
}

/** `user@realm!name` in its parts; null: it is none. */
export function tokenOf(id: string): Token | null {
  const parts = /^([^\s!@]+@[^\s!@]+)!([^\s!@]+)$/.exec(id.trim());
  return parts?.[1] && parts[2] ? { user: parts[1], name: parts[2] } : null;
}

/** `pool`: where the token may see and change guests; null: all of them. */
export function creation({ user, name }: Token, pool: string | null): string {
  const roles = Object.entries(ROLES).map(([role, privileges]) => {
    const wanted = role === "ProximityGuest" && pool !== null ? [...privileges, "Pool.Audit"] : privileges;
    return `pveum role add ${role} --privs "${wanted.join(" ")}"`;
  });
  const give = (path: string, role: Role): string => granting(path, role, { user, name });
  return [
    ...roles,
    ...(pool === null ? [] : [`pveum pool add ${quoted(pool)}`]),
    `pveum user add ${quoted(user)}`,
    `pveum user token add ${quoted(user)} ${quoted(name)} --privsep 1`,
    give(pool === null ? "/vms" : `/pool/${pool}`, "ProximityGuest"),
    give("/storage", "ProximityStore"),
    give("/nodes", "ProximityNode"),
    give("/sdn/zones", "ProximityNet"),
    give("/", "ProximityNode"),
  ].join("\n");
}

/**
 * What adds these rights, each `path: privilege`, or `path: one|other` where one is enough. Roles that are there get
 * what they lack; a path that has entries of its own keeps them.
 */
export function addition(lacking: readonly string[], token: Token): string {
  const wanted = new Map<Role, Set<string>>();
  const places = new Map<string, [string, Role]>();
  for (const line of lacking) {
    const at = line.lastIndexOf(": ");
    const path = line.slice(0, at);
    const privilege = line.slice(at + 2).split("|")[0] ?? "";
    const role = ROLE_OF[privilege.split(".")[0] ?? ""];
    if (at < 1 || !role) continue;
    wanted.set(role, (wanted.get(role) ?? new Set()).add(privilege));
    places.set(`${path} ${role}`, [path, role]);
  }
  const roles = [...wanted].flatMap(([role, privileges]) => [
    `pveum role add ${role} 2>/dev/null`,
    `pveum role modify ${role} --append 1 --privs "${[...privileges].join(" ")}"`,
  ]);
  return [...roles, ...[...places.values()].map(([path, role]) => granting(path, role, token))].join("\n");
}

/** To the user and to the token: one whose privileges are separated has only what both have. */
function granting(path: string, role: Role, { user, name }: Token): string {
  // at the root it would reach everything below
  const reach = path === "/" ? " --propagate 0" : "";
  return `pveum acl modify ${quoted(path)}${reach} --users ${quoted(user)} --tokens ${quoted(`${user}!${name}`)} --roles ${role}`;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

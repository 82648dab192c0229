import { type Cluster, client } from "$lib/api";
import type { Asking } from "$lib/operations/asking.svelte";
import { blocked, session } from "$lib/stores";
import { clusters as texts } from "$lib/texts/clusters";
import { shell } from "$lib/texts/shell";

/** Why nobody, or not this person, can connect, check and remove now; undefined: they can. */
export function cannotConnect(): string | undefined {
  const stopped = blocked();
  if (stopped) return shell.blocked[stopped];
  return session.may("admin") ? undefined : texts.onlyAdmins;
}

export function checkAgain(asking: Asking, { id, name }: Pick<Cluster, "id" | "name">): Promise<void> {
  const params = { path: { cluster_id: id } };
  return asking.askAndFollow(name, (init) => client.POST("/api/v1/clusters/{cluster_id}/check", { params, ...init }));
}

import { type Application, body, client, Problem } from "$lib/api";

import { keep, type Kept } from "./draft.svelte";

/** Makes the draft of its recipe what the application was deployed with: all but the secrets, which nobody can read. */
export async function recall(application: Application): Promise<void> {
  const query = { subject: `application/${application.id}`, type: "dev.proximity.application.deploy_requested.v1" };
  const { items } = await body(client.GET("/api/v1/events", { params: { query } }));
  const told = items[0]?.data as Deployed | undefined;
  if (!told) throw new Problem(404, "not_found", "Its settings are not known", "Deploy it from the catalog instead.");
  const { resources, settings } = told.spec;
  keep(application.recipe, {
    name: application.name,
    clusterId: application.cluster_id,
    node: told.node ?? "",
    cores: resources.cores,
    memoryMib: resources.memory_mib,
    diskGib: resources.disk_gib,
    values: settings,
  });
}

/** The part of the event's data that a person has chosen. */
interface Deployed {
  node: string | null;
  spec: {
    resources: { cores: number; memory_mib: number; disk_gib: number };
    settings: Kept["values"];
  };
}

/** What somebody is about to deploy, kept in the tab so that a reload loses nothing but the secrets. */
import type { DeployRequest, Recipe, Setting } from "$lib/api";

type Value = string | number | boolean | null;

/** What is kept: never a secret. */
export interface Kept {
  name: string;
  clusterId: string;
  node: string;
  cores: number | null;
  memoryMib: number | null;
  diskGib: number | null;
  values: Record<string, Value>;
}

const keyOf = (slug: string): string => `draft:${slug}`;

export class Draft {
  name = $state("");
  clusterId = $state("");
  node = $state("");
  cores = $state<number | null>(null);
  memoryMib = $state<number | null>(null);
  diskGib = $state<number | null>(null);
  values = $state<Record<string, Value>>({});
  secrets = $state<Record<string, string>>({});

  constructor(
    readonly recipe: Recipe,
    name: string,
  ) {
    const { cores, memory_mib, disk_gib } = recipe.resources.default;
    const settings = (recipe.settings ?? []).filter(({ type }) => type !== "secret");
    const kept = read(recipe.slug);
    this.name = kept?.name ?? name;
    this.clusterId = kept?.clusterId ?? "";
    this.node = kept?.node ?? "";
    this.cores = kept?.cores ?? cores;
    this.memoryMib = kept?.memoryMib ?? memory_mib;
    this.diskGib = kept?.diskGib ?? disk_gib;
    this.values = Object.fromEntries(settings.map((setting) => [setting.key, valueOf(setting, kept)]));
  }

  /** To another cluster; empty: to the only one. It has other nodes. */
  move(clusterId: string): void {
    this.clusterId = clusterId;
    this.node = "";
  }

  /** As the api takes it. Empty is unset: the recipe's default holds. */
  request(): DeployRequest {
    const given = Object.entries({ ...this.values, ...this.secrets }).filter(([, value]) => value !== "");
    return {
      recipe: this.recipe.slug,
      name: this.name.trim(),
      cluster_id: this.clusterId || null,
      node: this.node || null,
      settings: {
        ...Object.fromEntries(given),
        cores: this.cores,
        memory_mib: this.memoryMib,
        disk_gib: this.diskGib,
      },
    };
  }

  keep(): void {
    const { name, clusterId, node, cores, memoryMib, diskGib } = this;
    keep(this.recipe.slug, { name, clusterId, node, cores, memoryMib, diskGib, values: { ...this.values } });
  }
}

function valueOf({ key, type, default: standard }: Setting, kept: Kept | null): Value {
  const known = kept?.values[key];
  if (known !== undefined) return known;
  return standard ?? (type === "boolean" ? false : type === "integer" ? null : "");
}

export function keep(slug: string, kept: Kept): void {
  sessionStorage.setItem(keyOf(slug), JSON.stringify(kept));
}

export function forget(slug: string): void {
  sessionStorage.removeItem(keyOf(slug));
}

function read(slug: string): Kept | null {
  const text = sessionStorage.getItem(keyOf(slug));
  if (text === null) return null;
  try {
    return JSON.parse(text) as Kept;
  } catch {
    // not ours: whoever wrote it, the defaults are better
    return null;
  }
}

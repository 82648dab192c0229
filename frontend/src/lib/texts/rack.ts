/** All guests and applications, by node. */
export const rackTexts = {
  title: "Rack",
  count: (guests: number, nodes: number) =>
    `${guests === 1 ? "1 guest" : `${guests} guests`} on ${nodes === 1 ? "1 node" : `${nodes} nodes`}`,
  filter: "Filter",
  filterHint: "Name, app, number, node or address",
  filterKey: "Press / to filter",
  list: "Guests by node",
  unplaced: "Not placed yet",
  ofMemory: (used: string, whole: string) => `${used} of ${whole}`,
  online: "Online",
  unreachable: "Unreachable",
  unreachableTitle: (names: string, count: number) =>
    count === 1 ? `${names} cannot be reached` : `${names} cannot be reached`,
  unreachableText: "What its guests do is not known: they are shown as Unknown, with what was seen last.",
  noMatch: "Nothing fits this filter",
  clear: "Clear the filter",
  empty: "Nothing runs here yet",
  emptyText: "Deploy an application from the catalog, or adopt a container that is there already.",
  toCatalog: "Open the catalog",
  toDiscovery: "Discover containers",
  noCluster: "No Proxmox VE is connected",
  noClusterText: "As soon as one is, its nodes and all their guests stand here.",
  connect: "Connect a Proxmox",
  shown: (count: number) => (count === 1 ? "1 fits" : `${count} fit`),
} as const;

/** One storage, as a node has it. */
export const storageTexts = {
  gone: "There is no such storage",
  goneText: "It was not seen, or its cluster was removed.",
  silent: (name: string) => `${name} does not answer`,
  used: "Used",
  available: "Available",
  size: (size: string) => `of ${size}`,
  noFigures: "The token may not see it (Datastore.Audit), it is not active, or nothing was measured yet.",
  lastSeen: "As it was seen last",
  facts: "Facts",
  fields: {
    type: "Type",
    content: "For",
    node: "Node",
    cluster: "Cluster",
    sameOn: "The same on",
    alsoOn: "One of that name on",
  },
} as const;

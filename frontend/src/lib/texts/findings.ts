/** What is otherwise than it should be, and what to do about it. */
const kinds: Record<string, string> = {
  stopped_outside: "Stopped, and should be running",
  started_outside: "Running, and should be stopped",
  gone: "Its container is gone",
  vmid_taken: "Another guest has its number",
  renamed: "Renamed outside",
  marker_removed: "Its marker was removed",
  configuration_changed: "A setting was changed outside",
  lock_left: "Locked for a long time",
  unseen: "Its container cannot be seen",
  orphan: "A container of no application",
  marker_copied: "A copy with somebody else’s marker",
  deadline_passed: "An operation takes too long",
  task_unseen: "Nobody saw a task end",
  certificate_changed: "The certificate has changed",
  token_refused: "The API token was refused",
  rights_lost: "The API token lacks rights",
  cluster_away: "The cluster does not answer",
  node_offline: "A node is offline",
};

/** The one thing to do first. */
const todo: Record<string, string> = {
  stopped_outside: "Start it",
  started_outside: "Stop it",
  gone: "Restore or delete it",
  vmid_taken: "Delete the application",
  configuration_changed: "Accept it, or set it back",
  lock_left: "See what locks it",
  orphan: "Adopt it",
  marker_copied: "Adopt it",
  deadline_passed: "See what it waits for",
  task_unseen: "See the operation",
  certificate_changed: "Compare the certificate",
  token_refused: "Check the token",
  rights_lost: "See what is missing",
  cluster_away: "See the connection",
  node_offline: "See the node",
};

const spelled = (word: string): string => {
  const text = word.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

export const findingTexts = {
  title: "Findings",
  intro: "What is otherwise than it should be. A finding goes by itself as soon as it is set right.",
  kind: (kind: string) => kinds[kind] ?? spelled(kind),
  todo: (kind: string) => todo[kind] ?? "Look at it",
  severity: "Severity",
  severities: { all: "Any severity", err: "Urgent", warn: "To look at" },
  groups: { err: "Urgent", warn: "To look at" },
  cluster: "Cluster",
  anyCluster: "Any cluster",
  unknownCluster: "unknown cluster",
  expected: "Should be",
  observed: "Is",
  explainedBy: "Explained by",
  explained: (user: string, task: string) => `${user}, by the task ${task}`,
  unexplained: "not known: no task on Proxmox tells of it",
  run: "Run this on the node",
  accept: "Accept as it is",
  accepting: "Accepting",
  acceptHint: "Nothing is written to Proxmox: what it is now is what later changes are told by.",
  removeHint: "Proximity removes only containers of its applications. Adopt it first, or remove it on the node.",
  open: (name: string) => `Open ${name}`,
  none: "Everything is as it should be",
  noneText: "When somebody changes one of your containers on Proxmox, or a cluster goes away, it stands here.",
  settled: "What was settled is in the activity.",
  noMatch: "No finding fits this filter",
  clear: "Clear the filter",
  showMore: (count: number) => `Show ${count} more`,
} as const;

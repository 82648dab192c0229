/** How a failure is told: our words first, then Proxmox's own. */
export const errors = {
  proxmoxSays: "Proxmox says",
  runThis: "Run this on the node",
  requestId: "Request",
  undecidedTitle: "It is not known whether this happened",
  undecidedText: "The connection broke during the call and the evidence does not tell. Look, then say what is true.",
} as const;

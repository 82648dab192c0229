/** Figures over time. */
export const metricTexts = {
  title: "Figures over time",
  failed: "Proxmox VE did not tell the figures",
  frame: "How far back",
  frames: { hour: "Hour", day: "Day", week: "Week", month: "Month", year: "Year" },
  cpu: "CPU",
  memory: "Memory",
  network: "Network",
  in: "In",
  out: "Out",
  disk: "Disk",
  space: "Space",
  used: "Used",
  size: "Size",
  empty: "Nothing was measured in this time.",
} as const;

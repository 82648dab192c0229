/** Words of the pieces that screens are made of. */
export const widgets = {
  notifications: "Notifications",
  dismiss: "Dismiss",
  used: (part: string, whole: string) => `${part} of ${whole}`,
  steps: "Steps",
  history: "History",
  chartTable: "Show as a table",
  units: (count: number) => (count === 1 ? "1 guest" : `${count} guests`),
  operations: (count: number) => (count === 1 ? "1 operation" : `${count} operations`),
  failed: (count: number) => `${count} failed`,
  connection: "Connection",
  theme: "Theme",
  themes: { system: "System", light: "Light", dark: "Dark" },
  cpu: "CPU",
  memory: "Memory",
  column: { name: "Name", state: "State", cpu: "CPU", memory: "Memory", address: "Address" },
} as const;

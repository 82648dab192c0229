/** Asking before something is done: twice in place, with its effects, or with the name typed. */
export const confirm = {
  sure: (action: string) => `${action}?`,
  pressAgain: (action: string) => `Press again to ${action.toLowerCase()}, Escape to leave it.`,
  effects: "What will happen",
  typeName: (name: string) => `Type ${name} to confirm`,
  typeNameHint: "Exactly as written: this cannot be undone.",
  nameDiffers: "The name is not typed yet.",
} as const;

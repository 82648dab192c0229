/** Words for what things are. The word always stands beside the shape: nothing is told by colour alone. */
export const SHAPES = ["running", "stopped", "error", "starting", "unknown"] as const;
/** What a state looks like: filled, ring, diamond, half, dashed. */
export type Shape = (typeof SHAPES)[number];

export const shapeWord: Record<Shape, string> = {
  running: "Running",
  stopped: "Stopped",
  error: "Failed",
  starting: "Starting",
  unknown: "Unknown",
};

/** How an application's status is shown. */
export const applicationState: Record<string, { shape: Shape; word: string }> = {
  deploying: { shape: "starting", word: "Deploying" },
  adopting: { shape: "starting", word: "Adopting" },
  starting: { shape: "starting", word: "Starting" },
  running: { shape: "running", word: "Running" },
  shutting_down: { shape: "starting", word: "Shutting down" },
  stopping: { shape: "starting", word: "Stopping" },
  stopped: { shape: "stopped", word: "Stopped" },
  restarting: { shape: "starting", word: "Restarting" },
  releasing: { shape: "starting", word: "Releasing" },
  deleting: { shape: "starting", word: "Deleting" },
  gone: { shape: "stopped", word: "Gone" },
  failed: { shape: "error", word: "Failed" },
  undecided: { shape: "unknown", word: "Undecided" },
};

export const stepState = {
  waiting: "waiting",
  running: "running",
  done: "done",
  failed: "failed",
  skipped: "not needed",
  undecided: "undecided",
} as const;

export const link = {
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
  "signed-out": "Signed out",
} as const;

export const linkHint: Record<keyof typeof link, string> = {
  live: "What you see is what is known right now.",
  reconnecting: "The connection broke; it is being made again.",
  offline: "The server cannot be reached. Values are as old as shown, and nothing can be changed.",
  "signed-out": "The session has ended. Sign in again to go on.",
};

/** Why commands wait while the server cannot be reached. */
export const offlineReason = "Not while the server cannot be reached.";

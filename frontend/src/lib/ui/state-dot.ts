import type { Shape } from "$lib/texts/states";

/** Classes of the mark of each state. Rows of lists take them directly: a component per row costs too much. */
export const dot: Record<Shape, string> = {
  running: "size-2.5 shrink-0 rounded-full bg-ok",
  stopped: "size-2.5 shrink-0 rounded-full border-2 border-off",
  error: "size-2.5 shrink-0 rotate-45 scale-90 rounded-[1px] bg-err",
  starting:
    "size-2.5 shrink-0 animate-breathe rounded-full border-2 border-accent bg-[linear-gradient(90deg,var(--color-accent)_50%,transparent_50%)]",
  unknown: "size-2.5 shrink-0 rounded-full border-2 border-dashed border-warn",
};

/** Colour of the word beside it. */
export const wordColour: Record<Shape, string> = {
  running: "text-ink2",
  stopped: "text-off",
  error: "text-err",
  starting: "text-accent",
  unknown: "text-warn",
};

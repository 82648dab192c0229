/** How an operation is drawn: pure, so that every place shows the same. */
import type { Operation, Step } from "$lib/api";
import { hasEnded } from "$lib/live";
import { operationTexts } from "$lib/texts/operations";
import type { Shape } from "$lib/texts/states";
import type { StepRow } from "$lib/ui/Steps.svelte";

const SHAPES: Record<Operation["status"], Shape> = {
  pending: "starting",
  running: "starting",
  parked: "unknown",
  succeeded: "running",
  failed: "error",
  rejected: "error",
  cancelled: "stopped",
  undecided: "unknown",
};

export const shapeOf = ({ status }: Pick<Operation, "status">): Shape => SHAPES[status];

/** Something is still done about it, or waits for a person. */
export function isOpen(operation: Operation): boolean {
  return !hasEnded(operation) || operation.status === "undecided";
}

/** From 0 to 1: the steps that are done, and half of the one in hand; undefined while there is no plan. */
export function shareOf({ steps, status }: Pick<Operation, "steps" | "status">): number | undefined {
  if (status === "succeeded") return 1;
  if (steps.length === 0) return undefined;
  const done = steps.filter((step) => step.status === "done" || step.status === "failed").length;
  const inHand = steps.some((step) => step.status === "running") ? 0.5 : 0;
  return (done + inHand) / steps.length;
}

/** The one that is being done or waited for. */
export function currentStep({ steps }: Pick<Operation, "steps">): Step | undefined {
  return steps.find((step) => step.status === "running" || step.status === "waiting");
}

const ROW_STATES = {
  pending: "waiting",
  running: "running",
  waiting: "running",
  done: "done",
  failed: "failed",
} as const satisfies Record<Step["status"], StepRow["state"]>;

/** `undecided`: the step in hand is the one that a person has to decide about. */
export function rowsOf({ steps, status }: Pick<Operation, "steps" | "status">): StepRow[] {
  return steps.map((step) => {
    const began = step.started_at ? Date.parse(step.started_at) : undefined;
    const ended = step.ended_at ? Date.parse(step.ended_at) : undefined;
    const open = step.status === "running" || step.status === "waiting";
    return {
      name: operationTexts.step(step),
      state: status === "undecided" && open ? "undecided" : ROW_STATES[step.status],
      since: step.started_at ?? undefined,
      took: began !== undefined && ended !== undefined ? Math.max(0, ended - began) : undefined,
      detail: step.detail ?? undefined,
    };
  });
}

/** Why it cannot be cancelled, as its kind has it; undefined: it can. */
export function notCancellable({ kind, category }: Pick<Operation, "kind" | "category">): string | undefined {
  if (kind === "delete") return operationTexts.notCancellable.delete;
  return category === "application" && kind !== "release" && kind !== "cancel" && kind !== "resolve"
    ? undefined
    : operationTexts.notCancellable.short;
}

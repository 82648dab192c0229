/** What an application's row means: pure. */
import type { Application } from "$lib/api";
import { applicationTexts as texts } from "$lib/texts/applications";
import { applicationState, type Shape } from "$lib/texts/states";

type Status = Application["status"];

export function stateOf({ status }: Pick<Application, "status">): { shape: Shape; word: string } {
  return applicationState[status] ?? { shape: "unknown", word: status };
}

const AT_REST = new Set<Status>(["running", "stopped", "gone", "failed"]);
/** Something is being done with it. */
export const isBusy = ({ status }: Pick<Application, "status">): boolean => !AT_REST.has(status);
const LEAVING = new Set<Status>(["deleting", "releasing"]);

/** Somebody should look at it. */
export const isTroubled = ({ status, findings, failure }: Application): boolean =>
  status === "failed" || status === "gone" || status === "undecided" || failure !== null || hasAny(findings);
const hasAny = (findings: Application["findings"]): boolean => Object.keys(findings).length > 0;

export type Action = "start" | "shutdown" | "stop" | "restart" | "delete" | "release";

/** Why it cannot be asked for now, whoever asks; undefined: it can. */
export function unavailable(action: Action, application: Application): string | undefined {
  const { status, adopted } = application;
  if (LEAVING.has(status)) return texts.reasons.deleting;
  if (action === "delete") return undefined;
  if (action === "release" && !adopted) return texts.reasons.own;
  if (status === "undecided") return texts.reasons.undecided;
  if (status === "gone") return texts.reasons.gone;
  if (application.vmid === null) return isBusy(application) ? busy(application) : texts.reasons.none;
  if (isBusy(application)) return busy(application);
  if (action === "start") return status === "running" ? texts.reasons.running : undefined;
  // after a failure it may be either
  return action === "release" || status !== "stopped" ? undefined : texts.reasons.stopped;
}
const busy = (application: Application): string => texts.reasons.busy(stateOf(application).word);

export const STATES = ["all", "running", "stopped", "busy", "trouble", "adopted"] as const;
export type StateFilter = (typeof STATES)[number];

export function inState(application: Application, wanted: StateFilter): boolean {
  switch (wanted) {
    case "all":
      return true;
    case "busy":
      return isBusy(application);
    case "trouble":
      return isTroubled(application);
    case "adopted":
      return application.adopted;
    default:
      return application.status === wanted;
  }
}

/** All words are somewhere in what a person knows of it. */
export function matches({ name, recipe, node, address }: Application, words: string): boolean {
  const text = [name, recipe, node, address].join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** What was asked for, how far it is, and what became of it. */
import type { Operation, Step } from "$lib/api";

const kinds: Record<string, string> = {
  deploy: "Deploy",
  start: "Start",
  shutdown: "Shut down",
  stop: "Stop",
  restart: "Restart",
  delete: "Delete",
  adopt: "Adopt",
  release: "Release",
  ignore: "Ignore",
  notice: "Offer again",
  cancel: "Cancel",
  resolve: "Decide",
  connect: "Connect",
  check: "Check",
  remove: "Remove",
};

const steps: Record<string, string> = {
  preflight: "Choose a place",
  download_template: "Download the template",
  pull_image: "Pull the image",
  claim_vmid: "Reserve a VMID",
  create: "Create the container",
  configure: "Configure the container",
  start: "Start the container",
  find_address: "Find its address",
  probe: "Wait for its answer",
  shutdown: "Shut the container down",
  stop: "Stop the container",
  destroy: "Destroy the container",
  prove_gone: "Prove that it is gone",
  inspect: "Look at the container",
  mark: "Mark it as managed",
  unmark: "Take the mark off",
};

const statuses: Record<Operation["status"], string> = {
  pending: "Waiting",
  running: "Running",
  parked: "Parked",
  succeeded: "Succeeded",
  failed: "Failed",
  rejected: "Rejected",
  cancelled: "Cancelled",
  undecided: "Undecided",
};

const verdicts = {
  succeeded: { label: "It took effect", text: "Go on as if Proxmox had answered." },
  not_executed: { label: "It was not executed", text: "Nor will it be: it is sent again if it is still wanted." },
  failed: {
    label: "It failed",
    text: "The operation ends. A deployment removes what it made, as far as Proxmox lets it.",
  },
} as const;

/** `download_template` that nobody has named yet reads "download template". */
const spelled = (word: string): string => {
  const text = word.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

export const operationTexts = {
  title: "Operations",
  kind: (kind: string) => kinds[kind] ?? spelled(kind),
  of: (kind: string, name: string) => `${kinds[kind] ?? spelled(kind)} ${name}`,
  endedAs: (kind: string, name: string, status: Operation["status"]) =>
    `${kinds[kind] ?? spelled(kind)} ${name}: ${statuses[status].toLowerCase()}`,
  step: ({ name }: Pick<Step, "name">) => steps[name] ?? spelled(name),
  status: statuses,
  stepsOf: (kind: string, name: string) => `Steps of ${kinds[kind] ?? spelled(kind)} ${name}`,
  noSteps: "It has no steps of its own.",
  underWay: "Under way",
  over: "Ended",
  none: "Nothing was asked for yet",
  noneText: "What you start, stop or deploy is followed here, step by step.",
  parked: "Proxmox cannot be reached. It goes on by itself as soon as it can.",
  late: "It takes longer than it should. It goes on by itself.",
  failedTitle: (kind: string) => `${kinds[kind] ?? spelled(kind)} failed`,
  rejectedTitle: (kind: string) => `${kinds[kind] ?? spelled(kind)} was refused`,
  cancelledTitle: (kind: string) => `${kinds[kind] ?? spelled(kind)} was cancelled`,
  cancel: "Cancel it",
  cancelling: "Cancelling at the next safe point",
  notCancellable: {
    delete: "A deletion cannot be cancelled: parts of the container may be gone already.",
    short: "It ends by itself within minutes.",
  },
  viewerReason: "Only operators and administrators can do that.",
  verdict: "What is true?",
  verdicts,
  resolve: "Say so",
  resolving: "Going on with what you said",
  chooseVerdict: "Choose what is true first.",
  asked: "Asked for",
  by: "By",
  why: "Why",
  took: "Took",
  ended: "Ended",
  target: "For",
  id: "Operation",
  steps: "Steps",
  request: "What was asked for",
  notFound: "There is no such operation",
  notFoundText: "The address is wrong, or it was asked for before this installation began.",
  toActivity: "To the activity",
  open: (what: string) => `Open ${what}`,
  more: "Older operations",
} as const;

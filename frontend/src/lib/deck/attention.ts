/** What needs a person, each with the one thing to do about it: pure. */
import type { Application, Cluster, Finding, Operation } from "$lib/api";
import { hrefOf, type Severity, severityOf } from "$lib/findings/severity";
import { deckTexts as texts } from "$lib/texts/deck";
import { findingTexts } from "$lib/texts/findings";
import { operationTexts } from "$lib/texts/operations";

export interface Item {
  id: string;
  tone: Severity;
  title: string;
  /** What is so, in our words. */
  text: string;
  /** The one thing to do, and where. */
  todo: string;
  href: string;
  /** ISO 8601; null: not known. */
  at: string | null;
}

export interface Known {
  applications: readonly Application[];
  clusters: readonly Cluster[];
  findings: readonly Finding[];
  /** Latest first. */
  operations: readonly Operation[];
}

/** The most urgent first, within it the latest. */
export function attention(known: Known): Item[] {
  const operations = ofOperations(known);
  const items = [...operations, ...ofApplications(known), ...ofClusters(known), ...known.findings.map(ofFinding)];
  return items.sort((a, b) => rank(a) - rank(b) || (b.at ?? "").localeCompare(a.at ?? ""));
}

const rank = ({ tone }: Item): number => (tone === "err" ? 0 : 1);

/** Undecided ones, and those that failed last for something that is still there. */
function ofOperations({ operations, applications, clusters }: Known): Item[] {
  const there = new Set([...applications, ...clusters].map(({ id }) => id));
  const failing = new Set(applications.filter(({ failure }) => failure !== null).map(({ id }) => id));
  const seen = new Set<string>();
  return operations.flatMap((operation): Item[] => {
    const { id, kind, target, target_name, status, cause, accepted_at, ended_at } = operation;
    const what = operationTexts.of(kind, target_name);
    const shown = { id, text: cause?.message ?? "", href: `/operations/${id}`, at: ended_at ?? accepted_at };
    // nobody but a person ends it
    if (status === "undecided") return [{ ...shown, tone: "err", title: texts.undecided(what), todo: texts.decide }];
    const latest = !seen.has(target);
    seen.add(target);
    if (!latest || !there.has(target)) return [];
    // where it is told why, and can be asked for again
    const page = failing.has(target) ? { todo: texts.retry, href: `/apps/${target}` } : { todo: texts.seeFailure };
    if (status === "failed") return [{ ...shown, tone: "err", title: texts.failed(what), ...page }];
    if (status === "rejected") return [{ ...shown, tone: "warn", title: texts.rejected(what), todo: texts.seeFailure }];
    return [];
  });
}

/** Those that failed so long ago that the operation is not at hand any more. */
function ofApplications({ applications, operations }: Known): Item[] {
  const told = new Set(operations.map(({ target }) => target));
  return applications
    .filter(({ id, failure }) => failure !== null && !told.has(id))
    .map(({ id, name, failure }) => ({
      id,
      tone: "err",
      title: texts.applicationFailed(name),
      text: failure?.message ?? "",
      todo: texts.seeFailure,
      href: `/apps/${id}`,
      at: null,
    }));
}

/** Those that are away without a finding that says why. */
function ofClusters({ clusters, findings, operations }: Known): Item[] {
  const told = new Set(findings.filter(({ category }) => category === "cluster").map(({ cluster_id }) => cluster_id));
  const failed = new Set(operations.filter(({ status }) => status === "failed").map(({ target }) => target));
  return clusters
    .filter(({ id, status }) =>
      status === "unreachable" ? !told.has(id) : status === "failed" && !told.has(id) && !failed.has(id),
    )
    .map(({ id, name, status, failure }) => ({
      id,
      tone: "err",
      title: status === "failed" ? texts.clusterFailed(name) : texts.clusterAway(name),
      text: failure?.message ?? "",
      todo: texts.seeConnection,
      href: `/clusters/${id}`,
      at: null,
    }));
}

function ofFinding(finding: Finding): Item {
  return {
    id: finding.id,
    tone: severityOf(finding),
    title: `${finding.subject_name}: ${lower(findingTexts.kind(finding.kind))}`,
    text: finding.message,
    todo: findingTexts.todo(finding.kind),
    href: hrefOf(finding),
    at: finding.opened_at,
  };
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

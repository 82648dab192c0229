"""What happened, in a person's words? One sentence per kind of event of interest; the others have none."""

from proximity.domain.application import events as app
from proximity.domain.cluster import events as cl
from proximity.domain.finding import Explanation, Finding
from proximity.domain.guest import events as guest
from proximity.domain.identity.identity import PasswordChanged, UserCreated
from proximity.domain.model import Event, Json
from proximity.domain.operation.events import CommandDeadLettered, CommandRejected
from proximity_projector.projections.commands import kind_of
from proximity_projector.projections.operations import AT_ONCE, remains

# `e` is the event, `name` that of the application, guest, cluster or user; the rest is explained by `summary`
SENTENCES: dict[type[Event], str] = {
    app.DeployRequested: "{name} is to be deployed from {e.spec.recipe} {e.spec.recipe_version}.",
    app.StartRequested: "{name} is to be started.",
    app.ShutdownRequested: "{name} is to be shut down.",
    app.StopRequested: "{name} is to be stopped.",
    app.RestartRequested: "{name} is to be restarted.",
    app.DeleteRequested: "{name} is to be deleted.",
    app.AdoptRequested: "Container {e.vmid} on {e.node} is to be adopted as {name}.",
    app.ReleaseRequested: "{name} is to be given back as it was.",
    app.CancelRequested: "What is being done with {name} is to be cancelled.",
    app.ConfigurationAccepted: "{name}: {e.setting.field} is accepted as it was changed outside.",
    app.OperationResolved: "A person says of {step} of {name}: {verdict}.",
    app.PreflightPassed: "A place for {name} was chosen: {e.reason}.",
    app.TemplateDownloaded: "Template {e.volid} was downloaded for {name}.",
    app.ImagePulled: "The image of {name} was pulled to {e.volid}.",
    app.VmidClaimed: "{name} gets VMID {e.vmid} on {e.node}.",
    app.VmidFoundTaken: "VMID {e.vmid} is taken by another guest: {name} gets another one.",
    app.ContainerFoundHalfMade: "Proxmox broke off in the middle of creating container {e.vmid} of {name}: again.",
    app.ContainerCreated: "Container {e.vmid} was created on {e.node} for {name}.",
    app.ContainerConfigured: "The container of {name} was configured.",
    app.ContainerStarted: "The container of {name} was started.",
    app.AddressFound: "{name} has the address {e.address}.",
    app.ApplicationAnswered: "{name} answers.",
    app.ContainerShutDown: "The container of {name} was shut down.",
    app.ContainerStopped: "The container of {name} was stopped.",
    app.ContainerDestroyed: "The container of {name} was destroyed.",
    app.ContainerProvenGone: "Container {e.vmid} of {name} is proven to be gone from {e.node}.",
    app.ContainerInspected: "The container of {name} was looked at: it is {e.power}.",
    app.ContainerMarked: "The container of {name} carries Proximity's marker.",
    app.ContainerUnmarked: "{left} of Proximity's is left on the container of {name}.",
    app.FindingOpened: "{name}: {e.finding.message}{by}",
    app.FindingClosed: "{name}: settled ({settled}).",
    app.ContainerFoundMoved: "The container of {name} was moved from {e.from_node} to {e.node}.{by}",
    app.CallUnanswered: "{name}: the answer to {step} was lost. What became of it is being found out.",
    app.StepTakenOver: "{name}: another replica took over {step}.",
    app.StepFailed: "{name}: {step} failed. {e.cause.message}",
    app.TaskEndedUnseen: "{name}: the task of {step} ended on Proxmox, and nothing has taken note of that.",
    app.DeadlinePassed: "{name}: it takes longer than it should. Waiting for {e.waiting_for}.",
    app.OperationUndecided: "The {kind} of {name} needs a person's decision: {e.cause.message} Run: {e.command}",
    app.OperationSucceeded: "The {kind} of {name} succeeded.",
    app.OperationFailed: "The {kind} of {name} failed: {e.cause.message}{remains}",
    app.OperationCancelled: "The {kind} of {name} was cancelled.{remains}",
    cl.ConnectRequested: "Cluster {name} is to be connected.",
    cl.ClusterConnected: "Cluster {name} is connected: Proxmox VE {e.findings.version}, {nodes}.",
    cl.ClusterChecked: "Cluster {name} was checked: Proxmox VE {e.findings.version}, {nodes}.",
    cl.OperationFailed: "The {kind} of cluster {name} failed: {e.cause.message}",
    cl.ClusterRemoved: "Cluster {name} was removed. Nothing was changed on Proxmox.",
    cl.ClusterUnreachable: "Cluster {name} cannot be reached: {e.cause.message}",
    cl.ClusterReachable: "Cluster {name} can be reached again.",
    cl.RightsLost: "The API token of cluster {name} has lost rights that it had.",
    cl.RightsSettled: "What the API token of cluster {name} may do is in order again.",
    cl.NodeAppeared: "Node {e.node} of cluster {name} appeared.",
    cl.NodeCameOnline: "Node {e.node} of cluster {name} came online.",
    cl.NodeWentOffline: "Node {e.node} of cluster {name} went offline.",
    cl.NodeGone: "Node {e.node} is no member of cluster {name} any more.",
    cl.StorageAppeared: "Storage {e.storage.storage} appeared on node {e.storage.node} of cluster {name}.",
    cl.StorageReconfigured: "Storage {e.storage.storage} on node {e.storage.node} of cluster {name} was changed.",
    cl.StorageGone: "Storage {e.storage} is no longer on node {e.node} of cluster {name}.",
    guest.GuestGone: "{name}, which no application has, is no longer on Proxmox.",
    guest.GuestIgnored: "{name} is no longer offered for adoption.",
    guest.GuestNoticed: "{name} is offered for adoption again.",
    guest.FindingOpened: "{name}: {e.finding.message}{by}",
    guest.FindingClosed: "{name}: settled ({settled}).",
    CommandRejected: "The {kind} of {name} was rejected: {e.message}",
    CommandDeadLettered: "The {kind} of {name} could not be decided and was given up: {e.reason}",
    UserCreated: "User {e.username} was created as {e.role}.",
    PasswordChanged: "The password of {e.username} was changed.",
}
KINDS = {
    "deploy": "deployment",
    "start": "start",
    "shutdown": "shutdown",
    "stop": "stop",
    "restart": "restart",
    "delete": "deletion",
    "adopt": "adoption",
    "release": "release",
    "ignore": "ignoring",
    "notice": "noticing",
    "cancel": "cancelling",
    "resolve": "resolving",
    "accept_configuration": "acceptance",
    "connect": "connection",
    "check": "check",
    "remove": "removal",
}
VERDICTS = {"succeeded": "it took effect", "not_executed": "it was not executed", "failed": "it failed"}


def summary(event: Event, name: str) -> str | None:
    """None: nobody wants to read about it (a step's beginning, a repeated waiting, a cancelling's own end)."""
    sentence = SENTENCES.get(type(event))
    if sentence is None or (isinstance(event, app.OperationSucceeded) and event.kind in AT_ONCE):
        return None
    return sentence.format(name=name, e=event, **dict.fromkeys(_WORDS, "") | _words(event))


_WORDS = ("kind", "step", "remains", "nodes", "verdict", "by", "settled", "left")


def _words(event: Event) -> dict[str, str]:
    match event:
        case CommandRejected(command=command) | CommandDeadLettered(command=command):
            return _kind(kind_of(command))
        case app.CallUnanswered() | app.StepTakenOver() | app.StepFailed() | app.TaskEndedUnseen():
            return {"step": event.step.replace("_", " ")}
        case app.OperationResolved(step=step, verdict=said):
            return {"step": step.replace("_", " "), "verdict": VERDICTS[said]}
        case app.OperationFailed(left_behind=left) | app.OperationCancelled(left_behind=left):
            return _kind(event.kind) | {"remains": remains(event.kind, left)}
        case app.OperationSucceeded() | app.OperationUndecided() | cl.OperationFailed():
            return _kind(event.kind)
        case (
            app.FindingOpened(finding=Finding(explained=explained))
            | guest.FindingOpened(finding=Finding(explained=explained))
            | app.ContainerFoundMoved(explained=explained)
        ):
            return {"by": _by(explained)}
        case app.ContainerUnmarked(tag_left=tag_left):
            return {"left": "Only the tag" if tag_left else "Nothing"}
        case app.FindingClosed(key=key) | guest.FindingClosed(key=key):
            of_kind, _, what = key.partition(":")
            return {"settled": of_kind.replace("_", " ") + (f": {what}" if what else "")}
        case cl.ClusterConnected(findings=found) | cl.ClusterChecked(findings=found):
            return {"nodes": "1 node" if len(found.nodes) == 1 else f"{len(found.nodes)} nodes"}
    return {}


def _kind(kind: str) -> dict[str, str]:
    return {"kind": KINDS.get(kind, kind)}


def _by(explained: Explanation | None) -> str:
    return f" It was {explained.user} on Proxmox ({explained.task})." if explained else ""


def detail(event: Event) -> Json:
    """What helps to understand a trouble: Proxmox's own words, the end of the task's log."""
    match event:
        case app.StepFailed(cause=cause, upid=upid, log=log):
            return {"cause": cause.model_dump(), "upid": upid, "log": list(log)}
        case app.TaskEndedUnseen(upid=upid, exitstatus=exitstatus):
            return {"upid": upid, "exitstatus": exitstatus}
        case (
            app.OperationFailed(cause=cause)
            | app.OperationUndecided(cause=cause)
            | cl.OperationFailed(cause=cause)
            | cl.ClusterUnreachable(cause=cause)
        ):
            return {"cause": cause.model_dump()}
        case app.FindingOpened(finding=finding) | guest.FindingOpened(finding=finding):
            return {"finding": finding.model_dump(exclude={"setting"})}
        case app.ContainerFoundMoved(explained=explained) if explained:
            return {"explained": explained.model_dump()}
    return {}

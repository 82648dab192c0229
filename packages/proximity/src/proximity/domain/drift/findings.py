"""The findings in a person's words: what is so, what it should be, what to do."""

from datetime import timedelta

from proximity.domain.application.marker import Marker
from proximity.domain.application.state import VARIABLE
from proximity.domain.finding import Finding, Setting

# A lock that is older than this was left behind, or its task takes very long.
LOCK_LEFT = timedelta(minutes=10)

POWER = ("stopped_outside", "started_outside")
# whatever else is open was said of a container that is not there
NOT_THERE = ("gone", "vmid_taken")
# Proxmox may carry a call out late whose answer was lost, also after its operation was given up
_LOST = ", or by an earlier call of Proximity's that got no answer"
_WAYS_OUT = "Accept it if that is in order, or set it back on Proxmox."


def stopped_outside(*, lost: bool = False) -> Finding:
    """`lost`: a call of ours may have done it."""
    return Finding(
        key="stopped_outside",
        kind="stopped_outside",
        message="It is stopped and should be running: it went down by itself, or was stopped outside Proximity"
        f"{_LOST if lost else ''}. Start it, or stop it here as well if it is to stay down.",
        expected="running",
        observed="stopped",
    )


def started_outside(*, lost: bool = False) -> Finding:
    """`lost`: a call of ours may have done it."""
    return Finding(
        key="started_outside",
        kind="started_outside",
        message="It is running and should be stopped: it was started outside Proximity"
        f"{_LOST if lost else ''}. Stop it, or start it here as well if it is to run.",
        expected="stopped",
        observed="running",
    )


def gone(vmid: int) -> Finding:
    return Finding(
        key="gone",
        kind="gone",
        message=f"Its container {vmid} does not exist any more: it was removed outside Proximity. "
        f"Restore it on Proxmox under the number {vmid}, or delete the application.",
        expected="there",
        observed="gone",
    )


def vmid_taken(vmid: int) -> Finding:
    return Finding(
        key="vmid_taken",
        kind="vmid_taken",
        message=f"Another guest has the number {vmid}, and its own container does not exist any more. "
        "Proximity leaves that guest alone. Delete the application; the guest stays as it is.",
        expected="its own container",
        observed="another guest",
    )


def renamed(vmid: int, expected: str, observed: str) -> Finding:
    """An empty name is the one Proxmox gives."""
    should, is_ = expected or f"CT{vmid}", observed or f"CT{vmid}"
    return Finding(
        key="renamed",
        kind="renamed",
        message=f"Its host name is {is_} and should be {should}. Set it back on Proxmox.",
        expected=should,
        observed=is_,
    )


def marker_removed(marker: Marker) -> Finding:
    return Finding(
        key="marker_removed",
        kind="marker_removed",
        message="Its description has lost the line that proves it to be Proximity's, so that it cannot be deleted from "
        f"here. Put this line back into the description on Proxmox: {marker.line()}",
        expected=marker.line(),
    )


def configuration_changed(field: str, expected: str | None, observed: str | None) -> Finding:
    """None: not set."""
    should, is_ = expected or "not set", observed or "not set"
    return Finding(
        key=f"configuration_changed:{field}",
        kind="configuration_changed",
        message=f"The setting {field} was changed outside Proximity: it is {is_} and was {should}. {_WAYS_OUT}",
        expected=should,
        observed=is_,
        setting=Setting(field=field, value=observed),
    )


def secret_changed(field: str, hashed: str | None) -> Finding:
    """Only that it differs: it may be secret."""
    return Finding(
        key=f"configuration_changed:{field}",
        kind="configuration_changed",
        message=f"The setting {field} was changed outside Proximity. {_WAYS_OUT}",
        setting=Setting(field=field, value=hashed),
    )


def environment_changed(variable: str, hashed: str | None) -> Finding:
    """Only that it differs: a value may be secret."""
    return Finding(
        key=f"configuration_changed:{VARIABLE}{variable}",
        kind="configuration_changed",
        message=f"The environment variable {variable} was changed outside Proximity. {_WAYS_OUT}",
        setting=Setting(field=f"{VARIABLE}{variable}", value=hashed),
    )


def lock_left(vmid: int, lock: str) -> Finding:
    minutes = int(LOCK_LEFT.total_seconds() // 60)
    return Finding(
        key="lock_left",
        kind="lock_left",
        message=f"It has been locked ({lock}) for more than {minutes} minutes, and as long as it is, nothing can be "
        f"done to it. If no task is at work on it, unlock it on the node: pct unlock {vmid}",
        expected="not locked",
        observed=lock,
    )


def unseen(vmid: int) -> Finding:
    return Finding(
        key="unseen",
        kind="unseen",
        message="The API token may not see its container any more, so that nothing is known of it. "
        f"Give the token back the right VM.Audit on /vms/{vmid}.",
        expected="seen",
        observed="forbidden",
    )


def orphan(vmid: int, name: str | None) -> Finding:
    """`name` of the application that it was made for; None: not known any more."""
    whose = f"the application {name}" if name else "an application that is not known any more"
    return Finding(
        key="orphan",
        kind="orphan",
        message=f"It carries Proximity's marker: it was the container of {whose}, and belongs to none now. "
        f"Adopt it, or remove it on Proxmox: pct destroy {vmid}",
        expected="the container of an application",
        observed="of none",
    )


def marker_copied(original: int, name: str | None, *, elsewhere: bool = False) -> Finding:
    """`original`: the VMID that the marker was written for; `elsewhere`: on another cluster."""
    whose = f"{original} ({name})" if name else str(original)
    whose += " of another cluster" if elsewhere else ""
    return Finding(
        key="marker_copied",
        kind="marker_copied",
        message=f"It is a copy of container {whose} and still carries the marker of that. "
        "Take the line that begins with proximity: out of its description, or adopt it.",
        expected="no marker",
        observed=f"the marker of {original}",
    )

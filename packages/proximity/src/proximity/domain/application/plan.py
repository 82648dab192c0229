"""Which steps an operation consists of. Pure; the state asks it too, so it knows the state's types by name only."""

from typing import TYPE_CHECKING

from proximity.domain.application.events import StepName

if TYPE_CHECKING:
    from proximity.domain.application.state import Application, Operation


def plan(app: "Application", op: "Operation") -> tuple[StepName, ...]:
    """The steps of the operation in their order, the done ones included."""
    if op.unwinding:
        return _unwind(app, op)
    match op.kind:
        case "deploy":
            return (
                "preflight",
                *_fetching(app),
                "claim_vmid",
                *(("destroy", "prove_gone") if op.remaking else ()),
                "create",
                "configure",
                *_going_up(app),
            )
        case "start":
            return _going_up(app)
        case "restart":
            return ("shutdown", *_going_up(app))
        case "shutdown":
            return ("shutdown",)
        case "stop":
            return ("stop",)
        case "delete":
            return _removal(app, op)
        case "adopt":
            looked_for = app.desired == "running" and "find_address" not in op.failed
            return ("inspect", "mark", *(("find_address",) if looked_for else ()))
        case "release":
            return ("unmark",)


def _fetching(app: "Application") -> tuple[StepName, ...]:
    """What the container is made of, unless it is on the node already."""
    if app.placement and app.placement.template_present:
        return ()
    return ("pull_image",) if app.spec.runtime == "oci" else ("download_template",)


def _going_up(app: "Application") -> tuple[StepName, ...]:
    return ("start", "find_address", *(() if app.spec.probe.kind == "none" else ("probe",)))


def _removal(app: "Application", op: "Operation") -> tuple[StepName, ...]:
    if app.container is None or not app.container.created:
        return ()
    if app.adoption and not op.destroy:
        return ("unmark",)
    if op.force or "shutdown" in op.failed:
        return ("stop", "destroy", "prove_gone")
    return ("shutdown", "destroy", "prove_gone")


def _unwind(app: "Application", op: "Operation") -> tuple[StepName, ...]:
    """A failed or cancelled deployment removes its own guest; a delete that waits behind it will do so itself. A guest
    that was to be adopted is given back.
    """
    ct = app.container
    if op.kind == "adopt":
        marked = "mark" in op.done or app.lost_mark is not None
        return ("unmark",) if marked and "unmark" not in op.failed and not op.unwind_overdue else ()
    if op.kind != "deploy" or app.queued or op.unwind_overdue or ct is None or not ct.created:
        return ()
    if {"stop", "destroy", "prove_gone"} & op.failed:
        return ()
    return ("stop", "destroy", "prove_gone")

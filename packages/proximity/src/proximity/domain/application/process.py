"""What is left to be done on Proxmox: a pure function of the state. Every waiting has its bound in a table here."""

from dataclasses import dataclass
from datetime import timedelta

from proximity.domain.application.events import Kind, StepName
from proximity.domain.application.plan import plan
from proximity.domain.application.state import Absent, Intent, State

# How long an operation of this kind may take before that is said in the log (and, with nothing in flight, it fails).
DEADLINES: dict[Kind, timedelta] = {
    "deploy": timedelta(minutes=30),
    "start": timedelta(minutes=10),
    "shutdown": timedelta(minutes=10),
    "stop": timedelta(minutes=10),
    "restart": timedelta(minutes=15),
    "delete": timedelta(minutes=15),
    "adopt": timedelta(minutes=5),
    "release": timedelta(minutes=5),
}
# Cleaning up after a failed or cancelled deployment has a time of its own.
UNWIND_DEADLINE = timedelta(minutes=15)
# How long a started container may take to get an address, and then to answer. One that ran before it was adopted has
# its address, or will have none.
ADDRESS_WITHIN = timedelta(minutes=3)
ADOPTED_ADDRESS_WITHIN = timedelta(seconds=10)
ANSWER_WITHIN = timedelta(minutes=10)
# After an unanswered start or stop nothing opposite is sent to that guest for this long, in node time: a request once
# sent ran up to 100 s later on a real node. A setting of the provisioner, this is its default.
SETTLE = timedelta(seconds=180)


@dataclass(frozen=True)
class Step:
    """`intent` None: to be begun. With a UPID: a task to wait for. Without: find out what became of the call."""

    name: StepName
    operation_id: str
    intent: Intent | None


def next_step(state: State) -> Step | None:
    """None: nothing is left to be done (or nothing is in flight)."""
    if isinstance(state, Absent) or state.operation is None:
        return None
    op = state.operation
    if op.intent is not None:
        return Step(op.intent.step, op.id, op.intent)
    for name in plan(state, op):
        if name not in op.done:
            return Step(name, op.id, None)
    return None

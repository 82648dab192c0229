"""Events and origins for tests of what carries them."""

from uuid import uuid4

from proximity.domain.application import events as ev
from proximity.domain.application.claims import wishes
from proximity.domain.application.spec import Resources, Spec, Template
from proximity.domain.application.state import INITIAL
from proximity.domain.claim.claim import Wish
from proximity.messaging.envelope import Actor, Origin

SPEC = Spec(
    recipe="debian",
    recipe_version="1",
    runtime="template",
    template=Template(name="debian-12-standard", version="12.12-1"),
    resources=Resources(cores=1, memory_mib=512, disk_gib=4),
)


def new_id() -> str:
    return str(uuid4())


def origin(causation_id: str | None = None, reason: str = "") -> Origin:
    """A cause of its own, unless one is named."""
    cause = causation_id or new_id()
    return Origin(cause, cause, Actor("user", "u1"), reason)


def deploy_requested(slug: str = "wiki", cluster_id: str = "c1", operation_id: str = "op1") -> ev.DeployRequested:
    return ev.DeployRequested(
        operation_id=operation_id, name=slug, slug=slug, cluster_id=cluster_id, node=None, spec=SPEC
    )


def deploy_wishes(application_id: str, event: ev.DeployRequested) -> list[Wish]:
    return wishes(application_id, INITIAL, event)

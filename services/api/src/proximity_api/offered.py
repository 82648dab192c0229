"""The real cluster that the environment offers: connected on behalf of the founder, once."""

from uuid import UUID, uuid5

import structlog
from pydantic import SecretStr, ValidationError

from proximity.domain.cluster.commands import ConnectCluster
from proximity.messaging.aggregates import CLUSTER
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import UnavailableError
from proximity_api.accept import decided, new_id
from proximity_api.clusters import ConnectRequest, check
from proximity_api.parts import Parts
from proximity_api.problems import Problem
from proximity_api.settings import read_secret

log = structlog.get_logger()
_OFFERED = UUID("7a3f1c1e-0a51-5bb5-8f0b-6c5d2d0b9e57")


async def connect(parts: Parts, founder: str) -> None:
    """Called after the setup and at every start, in case one died between. What goes wrong is logged and no more."""
    try:
        await _connect(parts, founder)
    except Problem as problem:
        log.warning("the offered cluster cannot be connected", errors=[e.model_dump() for e in problem.errors])
    except (TimeoutError, UnavailableError, OSError, ValidationError) as error:
        log.warning("the offered cluster is not connected yet", error=type(error).__name__)


async def _connect(parts: Parts, founder: str) -> None:
    """Sends the command unless the log knows it.

    Its operation id is derived from the address, so any number of replicas and starts make one cluster of it, and a
    cluster that was removed stays removed.
    """
    settings = parts.settings
    if not (settings.offered_url and settings.offered_token_secret_file):
        return
    wanted = ConnectRequest(
        name="Proxmox",
        endpoints=[settings.offered_url],
        token_id=settings.offered_token_id,
        token_secret=SecretStr(read_secret(settings.offered_token_secret_file)),
        fingerprint=settings.offered_fingerprint or None,
        ca=settings.offered_ca_file.read_text() if settings.offered_ca_file else None,
    )
    operation_id = str(uuid5(_OFFERED, settings.offered_url))
    cluster_id = new_id(operation_id)
    if await decided(parts, CLUSTER, cluster_id, operation_id):
        return
    command = ConnectCluster(
        operation_id=operation_id,
        cluster_id=cluster_id,
        name=wanted.name,
        endpoints=tuple(wanted.endpoints),
        token_id=wanted.token_id,
        token_secret=await parts.vault.seal(wanted.token_secret.get_secret_value()),
        fingerprint=check(wanted),
        ca=wanted.ca,
    )
    origin = Origin(operation_id, operation_id, Actor("user", founder), reason="offered by the environment")
    await parts.commands.send(CLUSTER.category, cluster_id, command, origin)
    log.info("offered cluster is being connected", cluster=cluster_id)

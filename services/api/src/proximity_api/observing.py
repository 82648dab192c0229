"""Looking at Proxmox for a person: the same question by many is asked once and answered from memory for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from proximity.domain.cluster.state import Cluster
from proximity.messaging.aggregates import CLUSTER
from proximity.messaging.event_store import EventStore
from proximity.proxmox.allowance import Allowance
from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.connection import Connection
from proximity.proxmox.connections import Clients
from proximity.proxmox.errors import (
    GuestMissingError,
    InvalidRequestError,
    NotNowError,
    ProxmoxError,
    RightsMissingError,
)
from proximity.vault.vault import Vault, VaultError
from proximity_api.problems import Problem

CONNECT_WITHIN, ANSWER_WITHIN = 3.0, 10.0
# so many answers are remembered at most
REMEMBERED = 1000
# requests to one cluster, of all that is looked at for persons here
PER_MINUTE = 60

T = TypeVar("T")
Question = tuple[str, ...]


@dataclass(frozen=True)
class _Answer:
    """`until`: on the monotonic clock."""

    task: asyncio.Task[Any]
    until: float


class Observing:
    """The way to the connected clusters, for looking only. Belongs to one event loop. Each cluster has an allowance of
    requests; what is asked beyond that is the problem 503 `cluster_busy`.
    """

    def __init__(self, store: EventStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._clients = Clients(ProxmoxClient)
        # a sealed value never changes, so it is opened once
        self._secrets: dict[str, str] = {}
        self._answers: dict[Question, _Answer] = {}
        self._allowances: dict[str, Allowance] = {}

    async def ask(
        self, cluster_id: str, question: Question, ask: Callable[[ProxmoxClient], Awaitable[T]], seconds: float
    ) -> T:
        """The answer, at most so many seconds old. Raises the problems 404, 502 and 503."""
        key, now = (cluster_id, *question), time.monotonic()
        known = self._answers.get(key)
        if known is None or known.until <= now:
            self._forget(now)
            known = self._answers[key] = _Answer(asyncio.create_task(self._ask(cluster_id, ask)), now + seconds)
        try:
            # whoever goes away must not take the others' answer along
            return cast(T, await asyncio.shield(known.task))
        finally:
            # what went wrong is not remembered
            if known.task.done() and (known.task.cancelled() or known.task.exception()):
                self._answers.pop(key, None)

    def close(self) -> None:
        self._clients.close()

    async def _ask(self, cluster_id: str, ask: Callable[[ProxmoxClient], Awaitable[T]]) -> T:
        with _problems():
            return await ask(await self._of(cluster_id))

    async def _of(self, cluster_id: str) -> ProxmoxClient:
        state = (await self._store.load(CLUSTER, cluster_id)).state
        if not isinstance(state, Cluster) or not state.connected or state.removed:
            raise Problem("not_found", "No such cluster is connected.")
        secret = self._secrets.get(state.token_secret)
        if secret is None:
            secret = self._secrets[state.token_secret] = await self._vault.open(state.token_secret)
        connection = Connection(
            state.endpoints,
            state.token_id,
            secret,
            state.fingerprint,
            state.ca,
            connect_timeout=CONNECT_WITHIN,
            read_timeout=ANSWER_WITHIN,
        )
        client = self._clients.get(cluster_id, connection)
        allowance = self._allowances.setdefault(cluster_id, Allowance(PER_MINUTE))
        client.allows = lambda repeated: allowance.take()
        return client

    def _forget(self, now: float) -> None:
        self._answers = {key: answer for key, answer in self._answers.items() if answer.until > now}
        while len(self._answers) >= REMEMBERED:
            del self._answers[next(iter(self._answers))]


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except VaultError:
        raise Problem("cluster_unreachable", "The secret of its API token cannot be opened.") from None
    except GuestMissingError:
        raise Problem("not_found", "The guest is not on that node any more.") from None
    except NotNowError:
        words = "So much was asked of this cluster in the last minute that this has to wait. Try again in some seconds."
        raise Problem("cluster_busy", words, headers={"Retry-After": "5"}) from None
    except (RightsMissingError, InvalidRequestError) as error:
        raise Problem("cluster_refused", error.words) from None
    except ProxmoxError as error:
        raise Problem("cluster_unreachable", error.words) from None

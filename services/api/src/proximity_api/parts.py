"""What the routes work with: made once in main.py, handed to every request by the application."""

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from proximity.messaging.buckets import Documents
from proximity.messaging.commands import Commands
from proximity.messaging.connection import Bus
from proximity.messaging.event_store import EventStore
from proximity.vault.vault import Vault
from proximity_api.database import Database
from proximity_api.edge import Measures
from proximity_api.hub import Hub
from proximity_api.observing import Observing
from proximity_api.passwords import Passwords
from proximity_api.recipes import Catalog
from proximity_api.sessions import Sessions
from proximity_api.settings import Settings
from proximity_api.throttle import Throttle


@dataclass
class Parts:
    """`digest_key`: for digests of requests, the same on every replica."""

    settings: Settings
    digest_key: bytes
    measures: Measures
    bus: Bus
    store: EventStore
    commands: Commands
    vault: Vault
    observing: Observing
    credentials: Documents
    sessions: Sessions
    passwords: Passwords
    throttle: Throttle
    catalog: Catalog
    database: Database
    hub: Hub


def parts_of(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)

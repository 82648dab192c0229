"""What each service's NATS user may do, and the server configuration that says so.

A user may publish on the subjects it appends to, read by Direct Get, and use its own durables; nobody but the admin of
the bootstrap may make, change, purge or delete a stream or a consumer. Replies come to a prefix of the service's own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proximity.messaging import subjects
from proximity.messaging.subjects import (
    ADDRESSES,
    bucket_keys,
    bucket_stream,
    direct_get,
    events_of,
    inbox,
    observations_of,
    stream_info,
)

ADMIN = "admin"
SERVICES = ("api", "provisioner", "reconciler", "projector")


def _read(*streams: str) -> list[str]:
    return [subject for stream in streams for subject in (direct_get(stream), f"{direct_get(stream)}.>")]


def _log() -> list[str]:
    """Reading the log, its head and the server's clock."""
    return [*_read(subjects.EVENTS), stream_info(subjects.EVENTS)]


def _durable(stream: str, durable: str) -> list[str]:
    return [
        f"$JS.API.CONSUMER.INFO.{stream}.{durable}",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
        f"$JS.ACK.{stream}.{durable}.>",
    ]


def _own_consumer(stream: str) -> list[str]:
    """A pull consumer that nobody else sees and that ends when it is not used."""
    return [
        f"$JS.API.CONSUMER.CREATE.{stream}.>",
        f"$JS.API.CONSUMER.INFO.{stream}.>",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.>",
        f"$JS.ACK.{stream}.>",
    ]


def _bucket(bucket: str) -> list[str]:
    return [*_read(bucket_stream(bucket)), bucket_keys(bucket)]


PUBLISH: dict[str, list[str]] = {
    "api": [
        *_log(),
        *_read(subjects.COMMANDS),
        subjects.ALL_COMMANDS,
        events_of("identity"),
        events_of("settings"),
        f"{events_of('claim').removesuffix('>')}user.>",
        f"{events_of('claim').removesuffix('>')}installation.>",
        f"{events_of('claim').removesuffix('>')}operation.>",
        observations_of(ADDRESSES),
        *_bucket(subjects.VAULT),
        *_bucket(subjects.CREDENTIALS),
        *_bucket(subjects.SESSIONS),
    ],
    "provisioner": [
        *_log(),
        *_read(subjects.COMMANDS),
        *(events_of(category) for category in ("application", "cluster", "guest", "operation")),
        *(
            f"{events_of('claim').removesuffix('>')}{kind}.>"
            for kind in ("name", "vmid", "guest", "fingerprint", "tenancy")
        ),
        *_durable(subjects.COMMANDS, subjects.PROVISIONER_COMMANDS),
        *_durable(subjects.EVENTS, subjects.PROVISIONER_STEPS),
        *_durable(subjects.WAKE, subjects.PROVISIONER_WAKE),
        subjects.ALL_SCHEDULES,
        subjects.ALL_DUE,
        *_read(bucket_stream(subjects.VAULT)),
        *_bucket(subjects.LEASES),
    ],
    "reconciler": [
        *_log(),
        *_read(subjects.OBSERVATIONS),
        *(events_of(category) for category in ("application", "cluster", "guest")),
        subjects.ALL_SCHEDULES,
        subjects.ALL_DUE,
        subjects.ALL_OBSERVATIONS,
        *_read(bucket_stream(subjects.VAULT)),
        *_bucket(subjects.LEASES),
    ],
    "projector": [
        *_log(),
        *_own_consumer(subjects.EVENTS),
        *_read(subjects.OBSERVATIONS),
        *_durable(subjects.OBSERVATIONS, subjects.PROJECTOR_OBSERVATIONS),
        *_bucket(subjects.LEASES),
        subjects.CHANGES,
    ],
}
# What a wildcard above would let in: the durable of another service on the same stream.
DENY: dict[str, list[str]] = {
    "projector": [
        f"$JS.API.CONSUMER.*.{subjects.EVENTS}.{subjects.PROVISIONER_STEPS}",
        f"$JS.API.CONSUMER.*.{subjects.EVENTS}.{subjects.PROVISIONER_STEPS}.>",
        *_durable(subjects.EVENTS, subjects.PROVISIONER_STEPS),
    ],
}
SUBSCRIBE: dict[str, list[str]] = {
    "api": [f"{inbox('api')}.>", subjects.CHANGES],
    **{service: [f"{inbox(service)}.>"] for service in ("provisioner", "reconciler", "projector")},
}


@dataclass(frozen=True)
class Node:
    """One server of several. `listen`: where the others reach it, `others`: where it reaches them, as `host:port`."""

    name: str
    listen: str
    others: Sequence[str]


# Servers know each other by this user. It is none of the account: a client cannot sign in with it.
ROUTES = "cluster"


def server_config(
    *, port: int, store: Path, passwords: Mapping[str, str], host: str = "127.0.0.1", node: Node | None = None
) -> str:
    """The text of a nats-server configuration: JetStream that syncs every write, one user per service.

    `passwords`: of `admin`, of each service and, with a `node`, of `cluster`. The text holds them, so its file must be
    readable by its owner only.
    """
    users = [{"user": ADMIN, "password": passwords[ADMIN]}] + [
        {
            "user": service,
            "password": passwords[service],
            "permissions": {
                "publish": {"allow": PUBLISH[service], "deny": DENY.get(service, [])},
                "subscribe": {"allow": SUBSCRIBE[service]},
            },
        }
        for service in SERVICES
    ]
    config: dict[str, Any] = {
        "host": host,
        "port": port,
        "server_name": node.name if node else "proximity",
        "jetstream": {"store_dir": str(store), "sync_interval": "always"},
        "accounts": {"PROXIMITY": {"jetstream": "enabled", "users": users}},
    }
    if node:
        config["cluster"] = _cluster(node, passwords[ROUTES])
    # a JSON document is a configuration as well: nothing has to be quoted by hand
    return json.dumps(config, indent=2)


def _cluster(node: Node, password: str) -> dict[str, Any]:
    """A server that joins may do everything, so it has to know the password."""
    return {
        "name": "proximity",
        "listen": node.listen,
        "authorization": {"user": ROUTES, "password": password},
        "routes": [f"nats://{ROUTES}:{password}@{other}" for other in node.others],
        # clients use the addresses they were given: those inside a container network may be none for them
        "no_advertise": True,
    }

"""From Proxmox's JSON to our values. Pure. Numbers come as numbers or as strings, flags as 0/1 of either kind.

Whatever is not shaped as Proxmox shapes it is an UnansweredError: the answer says nothing.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Literal

from proximity.proxmox.errors import UnansweredError
from proximity.proxmox.observe import (
    GuestConfig,
    GuestSeen,
    GuestStatus,
    Membership,
    NodeSeen,
    Resources,
    StorageOnNode,
    Task,
    Version,
)
from proximity.proxmox.task_id import TaskId

Entry = dict[str, Any]


def rows(data: Any) -> list[Entry]:
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise UnansweredError("a list was expected")
    return data


def row(data: Any) -> Entry:
    if not isinstance(data, dict):
        raise UnansweredError("an object was expected")
    return data


def text(entry: Entry, key: str) -> str:
    value = entry.get(key)
    if value is None:
        raise UnansweredError(f"{key} is missing in the answer")
    return str(value)


def whole(value: Any) -> int | None:
    if type(value) is int:  # nearly always, and there are thousands of them in a list of guests
        return value
    number = fraction(value)
    return None if number is None else int(number)


def fraction(value: Any) -> float | None:
    if type(value) is float:
        return value
    try:
        return None if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        raise UnansweredError("a number was expected") from None


def flag(value: Any) -> bool:
    return bool(whole(value))


def version(data: Any) -> Version:
    entry = row(data)
    return Version(version=text(entry, "version"), release=text(entry, "release"))


def permissions(data: Any) -> dict[str, dict[str, int]]:
    return {
        path: {privilege: whole(propagates) or 0 for privilege, propagates in row(granted).items()}
        for path, granted in row(data).items()
    }


def membership(data: Any) -> Membership:
    cluster = next((entry for entry in rows(data) if entry.get("type") == "cluster"), None)
    nodes = frozenset(text(entry, "name") for entry in rows(data) if entry.get("type") == "node")
    if cluster is None:
        return Membership(name=None, quorate=True, nodes=nodes)
    return Membership(name=text(cluster, "name"), quorate=flag(cluster.get("quorate")), nodes=nodes)


def nodes(data: Any) -> list[NodeSeen]:
    return [_node(entry) for entry in rows(data)]


def _node(entry: Entry) -> NodeSeen:
    return NodeSeen(
        node=text(entry, "node"),
        online=entry.get("status") == "online",
        fingerprint=entry.get("ssl_fingerprint"),
        cpus=whole(entry.get("maxcpu")),
        cpu=share(entry.get("cpu")),
        memory=whole(entry.get("maxmem")),
        memory_used=whole(entry.get("mem")),
        uptime=whole(entry.get("uptime")),
        disk=whole(entry.get("maxdisk")),
        disk_used=whole(entry.get("disk")),
    )


def share(value: Any) -> float | None:
    number = fraction(value)
    return None if number is None else max(number, 0.0)  # seen slightly negative in the first seconds of a guest


def storages(data: Any) -> list[StorageOnNode]:
    return [
        StorageOnNode(
            storage=text(entry, "storage"),
            type=text(entry, "type"),
            content=_content(entry),
            active=flag(entry.get("active")),
            shared=flag(entry.get("shared")),
            total=whole(entry.get("total")) or 0,
            available=whole(entry.get("avail")) or 0,
        )
        for entry in rows(data)
    ]


def _content(entry: Entry) -> frozenset[str]:
    return frozenset(filter(None, str(entry.get("content") or "").split(",")))


def resources(data: Any) -> Resources:
    guests: dict[str, list[GuestSeen]] = {"lxc": [], "qemu": []}
    nodes: list[NodeSeen] = []
    storages: list[tuple[str, StorageOnNode]] = []
    for entry in rows(data):
        match entry.get("type"):
            case "lxc" | "qemu" as kind:
                guests[kind].append(_guest(entry, kind))
            case "node":
                nodes.append(_node(entry))
            case "storage":
                storages.append((text(entry, "node"), _storage(entry)))
    return Resources((*guests["lxc"], *guests["qemu"]), tuple(nodes), tuple(storages))


def _storage(entry: Entry) -> StorageOnNode:
    active = entry.get("status") == "available"
    total = whole(entry.get("maxdisk")) or 0
    return StorageOnNode(
        storage=text(entry, "storage"),
        type=text(entry, "plugintype"),
        content=_content(entry),
        active=active,
        shared=flag(entry.get("shared")),
        total=total if active else 0,
        available=max(0, total - (whole(entry.get("disk")) or 0)) if active else 0,
    )


def _guest(entry: Entry, kind: Literal["lxc", "qemu"]) -> GuestSeen:
    return GuestSeen(
        vmid=int(text(entry, "vmid")),
        node=text(entry, "node"),
        type=kind,
        name=entry.get("name"),
        status=str(entry.get("status") or "unknown"),
        tags=_tags(str(entry.get("tags") or "")),
        lock=entry.get("lock"),
        template=flag(entry.get("template")),
        pool=entry.get("pool"),
        hastate=entry.get("hastate"),
        cpus=fraction(entry.get("maxcpu")),
        memory=whole(entry.get("maxmem")),
        disk=whole(entry.get("maxdisk")),
        cpu=share(entry.get("cpu")),
        memory_used=whole(entry.get("mem")),
        disk_used=whole(entry.get("disk")),
        netin=whole(entry.get("netin")),
        netout=whole(entry.get("netout")),
        uptime=whole(entry.get("uptime")),
    )


@lru_cache(maxsize=1000)
def _tags(joined: str) -> tuple[str, ...]:
    """Many guests have the same ones."""
    return tuple(joined.replace(",", " ").replace(";", " ").split())


def guest_config(data: Any) -> GuestConfig:
    entry = row(data)
    values = {key: _plain(value) for key, value in entry.items() if key not in ("digest", "env")}
    return GuestConfig(
        digest=text(entry, "digest"),
        description=values.get("description", "").removesuffix("\n"),  # Proxmox adds it
        lock=values.get("lock"),
        values=values,
        environment=_environment(str(entry.get("env") or "")),
    )


def _environment(joined: str) -> dict[str, str]:
    """`NAME=value`, separated by NUL."""
    pairs = (entry.partition("=") for entry in joined.split("\0") if entry)
    return {name: value for name, _, value in pairs}


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def guest_status(data: Any) -> GuestStatus:
    entry = row(data)
    return GuestStatus(
        status="stopped" if text(entry, "status") == "stopped" else "running",
        lock=entry.get("lock"),
        uptime=whole(entry.get("uptime")) or 0,
    )


def addresses(data: Any) -> list[str]:
    """`null` while the guest is stopped or missing. The loopback interface is told by its name: a simulated guest's
    other interfaces may well have addresses in 127/8.
    """
    found = [
        _address(told)
        for interface in rows(data or [])
        if interface.get("name") != "lo"
        for told in _of_interface(interface)
    ]
    usable = [address for address in dict.fromkeys(found) if address and not address.is_link_local]
    return [str(address) for address in sorted(usable, key=lambda address: address.version)]


def _address(told: str) -> IPv4Address | IPv6Address | None:
    """None: it is none. What is said is the guest's, and must keep nobody from the others."""
    try:
        return ip_address(told)
    except ValueError:
        return None


def _of_interface(interface: Entry) -> Iterable[str]:
    listed = interface.get("ip-addresses")
    if listed:
        return [text(entry, "ip-address") for entry in rows(listed)]
    return [str(interface[key]).partition("/")[0] for key in ("inet", "inet6") if interface.get(key)]


def upid(data: Any) -> str:
    try:
        TaskId.parse(str(data))
    except ValueError:
        raise UnansweredError("a task's UPID was expected") from None
    return str(data)


def listed_tasks(data: Any) -> list[Task]:
    return [_task(entry, entry.get("status"), running="endtime" not in entry) for entry in rows(data)]


def task(data: Any) -> Task:
    entry = row(data)
    running = entry.get("status") == "running"
    return _task(entry, entry.get("exitstatus"), running=running)


def _task(entry: Entry, exitstatus: Any, *, running: bool) -> Task:
    """The user is taken from the UPID: the fields have the token part only while the task runs."""
    name = upid(entry.get("upid"))
    parsed = TaskId.parse(name)
    return Task(
        upid=name,
        node=parsed.node,
        type=parsed.type,
        id=str(entry.get("id", parsed.id)),
        user=parsed.user,
        starttime=parsed.starttime,
        running=running,
        exitstatus=None if running else str(exitstatus or "unexpected status"),
        endtime=None if (ended := entry.get("endtime")) is None else int(ended),
    )

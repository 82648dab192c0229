"""Figures that move a little, as those of machines that do something."""

import math
from typing import Any

from fakepve.lxc import parse_mount, parse_size

GIB = 1 << 30
NODE_MEMORY, NODE_DISK = 32 * GIB, 94 * GIB


def wave(at: float, phase: float, period: float = 300.0) -> float:
    """-1 .. 1, smooth, different for every phase."""
    return 0.6 * math.sin(at / period * 6.28 + phase) + 0.4 * math.sin(at / period * 23.1 + phase * 3)


def guest_memory(guest: Any) -> int:
    return int(str(guest.config.get("memory") or 512).split("=")[-1]) << 20


def guest_disk(guest: Any) -> int:
    """Bytes of the root disk; 4 GiB where the config does not say, as Proxmox assumes."""
    for key in ("rootfs", "scsi0", "virtio0", "sata0"):
        if key in guest.config:
            return parse_size(parse_mount(guest.config[key]).get("size", "4G")) or 4 * GIB
    return 4 * GIB


def guest_cpus(guest: Any, of_node: int) -> int | float:
    """Its cores, or its limit; without either it has all of its node's."""
    limit = float(guest.config.get("cpulimit") or 0)
    cpus = int(guest.config.get("cores") or 0) or limit or of_node
    return int(cpus) if cpus == int(cpus) else cpus


def of_guest(guest: Any, now: float) -> dict[str, Any]:
    """cpu 0..1, bytes, seconds."""
    container = not hasattr(guest, "agent")
    if guest.status != "running":
        idle: dict[str, Any] = dict.fromkeys(("cpu", "mem", "uptime", "netin", "netout", "diskread", "diskwrite"), 0)
        return idle | {"disk": 0, "maxdisk": guest_disk(guest)}
    uptime, phase = max(0, int(now - (guest.started_at or now))), float(guest.vmid)
    cpu = 0.04 + 0.03 * wave(now, phase) if uptime > 5 else -0.0002 * (guest.vmid % 3)
    return {
        "cpu": round(cpu, 6),
        "mem": int(guest_memory(guest) * (0.35 + 0.05 * wave(now, phase, 900))),
        "uptime": uptime,
        "netin": 900 * uptime + 340,
        "netout": 300 * uptime + 656,
        "diskread": 41_000_000 + 70 * uptime,
        "diskwrite": 9_000_000 + 210 * uptime,
        "disk": int(guest_disk(guest) * (0.22 + 0.02 * wave(now, phase, 3600))) if container else 0,
        "maxdisk": int(guest_disk(guest) * 0.9506) if container else guest_disk(guest),
    }


def of_node(guests: list[Any], now: float, booted_at: float, phase: float, cpus: int) -> dict[str, Any]:
    running = [guest for guest in guests if guest.status == "running"]
    used = sum(int(guest_memory(guest) * 0.35) for guest in running)
    return {
        "cpu": round(0.06 + 0.015 * len(running) + 0.02 * wave(now, phase), 6),
        "maxcpu": cpus,
        "mem": 3 * GIB + used + int(0.2 * GIB * wave(now, phase, 900)),
        "maxmem": NODE_MEMORY,
        "disk": 11 * GIB + int(0.1 * GIB * wave(now, phase, 3600)),
        "maxdisk": NODE_DISK,
        "uptime": int(now - booted_at) + 1_900_800,
    }

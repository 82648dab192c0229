"""Chance that can be repeated: addresses of network cards come from the seed of the simulator that is asked.

fakepve looks its function up in its module at each call, so replacing it holds for the whole process; a context
variable says whose chance counts, for there may be several simulators.
"""

import random
from contextvars import ContextVar

import fakepve.lxc

current_chance: ContextVar[random.Random | None] = ContextVar("current_chance", default=None)
_unrepeatable = random.SystemRandom()


def hardware_address() -> str:
    chance = current_chance.get() or _unrepeatable
    return "BC:24:11:" + ":".join(f"{octet:02X}" for octet in chance.randbytes(3))


def install() -> None:
    fakepve.lxc.random_mac = hardware_address

"""A place described in a file: one node, its storages, users and tokens, and no guests.

The description is the `setup` of a file of recorded requests, so that the recordings can be replayed:

    {"node": "pve", "bridge": "vmbr0 (10.99.0.2/24)",
     "storages": {"local": {"type": "dir", "content": "rootdir,vztmpl,backup"}},
     "templates": ["local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"],
     "users": {"root@pam": {}, "tester@pve": {"acl": [["/vms", "PVEVMUser"]]}},
     "tokens": {"root@pam!test": {"privsep": 0}}}
"""

import re
from typing import Any

from .calls import on_node
from .rights import ROOT
from .simulator import Simulator
from .templates import TEMPLATES

GIB = 1 << 30
PATHS = {"local": "/var/lib/vz"}
UNKNOWN_SIZE = 120_000_000
NODE_CPUS = 2


def furnish(simulator: Simulator, place: dict[str, Any]) -> None:
    node = place["node"]
    simulator.add_node(node)
    simulator.cluster_name = ""  # a node that stands alone
    simulator.node_cpus = NODE_CPUS
    bridge = re.match(r"(\S+) \((\S+)\)", place.get("bridge", ""))
    if bridge:
        simulator.bridge = (bridge.group(1), bridge.group(2))
    for name, options in place["storages"].items():
        path = PATHS.get(name, f"/mnt/pve/{name}")
        simulator.add_storage(name, options["type"], options["content"], 94 * GIB, 11 * GIB, path=path)
    with on_node(node):
        for volid in place.get("templates", []):
            storage, _, name = volid.partition(":vztmpl/")
            simulator.put_template(storage, name, TEMPLATES.get(name, {}).get("size", UNKNOWN_SIZE))


def populate(simulator: Simulator, place: dict[str, Any], password: str) -> None:
    """Users who log in with this password, and tokens."""
    for user, options in place.get("users", {}).items():
        simulator.add_user(user, password if user != ROOT else None)
        _give(simulator, user, options)
    for token, options in place.get("tokens", {}).items():
        simulator.create_token(token, privsep=bool(options.get("privsep", 1)))
        _give(simulator, token, options)


def _give(simulator: Simulator, who: str, options: dict[str, Any]) -> None:
    for path, role in options.get("acl", []):
        simulator.access.give(who, path, role)

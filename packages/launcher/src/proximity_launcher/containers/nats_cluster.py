"""Before a NATS server of several runs: the configuration by which it finds the others (deploy/nats-cluster).

`python -m proximity_launcher.containers.nats_cluster FOLDER NODE OTHER...` writes FOLDER/for-nats/nats.conf, of the
secrets in FOLDER/secrets. A node's name is the host that the others reach it by.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from proximity.messaging.permissions import ADMIN, ROUTES, SERVICES, Node, server_config
from proximity_launcher.containers.prepare import NATS_PORT, NATS_STORE
from proximity_launcher.up.data import DataFolder, write_private

ROUTES_PORT = 6222


def prepare(root: Path, name: str, others: Sequence[str]) -> None:
    """Raises OSError."""
    data = DataFolder(root)
    passwords = {user: data.secret(f"nats-{user}").read_text() for user in (ADMIN, *SERVICES, ROUTES)}
    node = Node(name, f"0.0.0.0:{ROUTES_PORT}", [f"{other}:{ROUTES_PORT}" for other in others])
    config = server_config(port=NATS_PORT, store=NATS_STORE, passwords=passwords, host="0.0.0.0", node=node)  # noqa: S104
    write_private(root / "for-nats" / "nats.conf", config)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the configuration of a NATS server of several.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("node")
    parser.add_argument("others", nargs="+")
    asked = parser.parse_args()
    prepare(asked.folder, asked.node, asked.others)
    sys.stdout.write(f"{asked.node} finds {', '.join(asked.others)}.\n")


if __name__ == "__main__":
    main()

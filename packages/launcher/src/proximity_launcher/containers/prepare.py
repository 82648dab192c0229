"""Before any server runs: for each container a folder (a volume) with what it may read, and nothing else.

`python -m proximity_launcher.containers.prepare DEPLOY FOLDER`. What is secret is made once, in FOLDER/secrets.
Everything else is made of that, and of the files in DEPLOY, at each start, so that what a new version may do and needs
is there with it. Safe to be killed anywhere and to run twice at once.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from proximity.messaging.permissions import ADMIN, SERVICES, server_config
from proximity_launcher.up import postgres
from proximity_launcher.up.data import DataFolder, key, password, write_private

NATS_PORT = 4222
NATS_STORE = Path("/var/lib/nats/jetstream")
POSTGRES_READS = Path("/run/secrets")
VAULT_KEY, SETUP_TOKEN = "vault.key", "setup-token"


def _nats(user: str) -> str:
    return f"nats-{user}"


def _database(user: str) -> str:
    return f"database-{user}"


_OF_DATABASE = (_database(postgres.OWNER), _database(postgres.READER))
# who reads which secret as it is; the servers get theirs as parts of their configuration
SECRETS_OF: Mapping[str, tuple[str, ...]] = {
    "admin": (_nats(ADMIN), SETUP_TOKEN),
    "api": (_nats("api"), _database(postgres.READER), VAULT_KEY, SETUP_TOKEN),
    "provisioner": (_nats("provisioner"), VAULT_KEY),
    "reconciler": (_nats("reconciler"), VAULT_KEY),
    "projector": (_nats("projector"), _database(postgres.OWNER)),
}
# more than one api and projector; what the container's memory is enough for
CONNECTIONS = 100
# another user, who is of our group
_FOR_GROUP = 0o640


def prepare(deploy: Path, root: Path) -> None:
    """Each folder under `root` is the volume of that name. Raises OSError."""
    data = DataFolder(root)
    secret = {name: _text(data, name) for name in _names()}
    for holder, names in SECRETS_OF.items():
        for name in names:
            write_private(root / f"for-{holder}" / name, secret[name])
    passwords = {user: secret[_nats(user)] for user in (ADMIN, *SERVICES)}
    nats = server_config(port=NATS_PORT, store=NATS_STORE, passwords=passwords, host="0.0.0.0")  # noqa: S104
    write_private(root / "for-nats" / "nats.conf", nats)
    for name, text in _postgres_files(*(secret[name] for name in _OF_DATABASE)).items():
        write_private(root / "for-postgres" / name, text, mode=_FOR_GROUP)
    write_private(root / "for-postgres" / "start.sh", (deploy / "postgres" / "start.sh").read_text(), mode=_FOR_GROUP)
    write_private(root / "for-caddy" / "Caddyfile", (deploy / "caddy" / "Caddyfile").read_text())


def _names() -> tuple[str, ...]:
    nats = tuple(_nats(user) for user in (ADMIN, *SERVICES))
    return (*nats, *_OF_DATABASE, VAULT_KEY, SETUP_TOKEN)


def _text(data: DataFolder, name: str) -> str:
    make: Callable[[], str] = key if name == VAULT_KEY else password
    return data.secret(name, make).read_text()


def _postgres_files(owner: str, reader: str) -> dict[str, str]:
    """What deploy/postgres/start.sh makes its cluster of, and what the server is told."""
    settings = postgres.SETTINGS | {
        "listen_addresses": "*",
        "max_connections": str(CONNECTIONS),
        "hba_file": str(POSTGRES_READS / "pg_hba.conf"),
    }
    return {
        "users.sql": postgres.users(owner, reader),
        "rights.sql": postgres.rights(),
        # whatever network it is on: compose.yaml lets only its two users on that
        "pg_hba.conf": postgres.who_may_log_in("samenet"),
        "postgresql.conf": "".join(f"{name} = '{value}'\n" for name, value in settings.items()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the files that each container reads.")
    parser.add_argument("deploy", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    prepare(asked.deploy, asked.folder)
    sys.stdout.write("Every container has the files that it needs.\n")


if __name__ == "__main__":
    main()

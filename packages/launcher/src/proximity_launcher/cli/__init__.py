"""`proximity`: the whole product from a shell. Every command answers with JSON on --json, and with an exit status."""

import sys
from typing import Annotated

import typer

from proximity_launcher.cli import applications, backups, clusters, guests, installation, operations, output, running
from proximity_launcher.failure import Failure

commands = typer.Typer(
    name="proximity",
    help="Deploy and operate self-hosted applications on Proxmox VE.",
    epilog="Exit status: 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 not authorised, 6 still running, "
    "7 server unreachable, 130 Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@commands.callback()
def root(
    url: Annotated[
        str | None, typer.Option(envvar="PROXIMITY_URL", help="The server; this machine's if left out.")
    ] = None,
) -> None:
    """Deploy and operate self-hosted applications on Proxmox VE."""


for command in (
    running.up,
    installation.setup,
    installation.login,
    installation.logout,
    installation.status,
    applications.catalog,
    applications.deploy,
    applications.apps,
    applications.start,
    applications.shutdown,
    applications.stop,
    applications.restart,
    applications.release,
    applications.delete,
    guests.guests,
    guests.adopt,
    guests.ignore,
    operations.operation,
    operations.cancel,
    operations.resolve,
    installation.events,
    running.rebuild,
    backups.backup,
):
    commands.command()(command)
commands.command("restore")(backups.restore_backup)
commands.add_typer(clusters.commands, name="clusters")
commands.add_typer(guests.finding_commands, name="findings")


def app() -> None:
    """What the `proximity` script runs."""
    try:
        commands()
    except Failure as failure:
        output.failure(failure, machine="--json" in sys.argv)
        sys.exit(failure.status)
    except KeyboardInterrupt:
        sys.exit(130)

"""The commands about Proxmox connections, which are called clusters also when they are one node."""

from pathlib import Path
from typing import Annotated

import typer

from proximity_launcher.cli import output
from proximity_launcher.cli.applications import find
from proximity_launcher.cli.operations import watch
from proximity_launcher.cli.options import Json, Timeout, server
from proximity_launcher.cli.server import Row, Server
from proximity_launcher.failure import Exit, Failure

commands = typer.Typer(invoke_without_command=True, help="Connect to Proxmox VE; without a command: what is connected.")

Name = Annotated[str, typer.Argument(help="Its name or id.")]


@commands.callback()
def clusters(context: typer.Context, machine: Json = False) -> None:
    """Connect to Proxmox VE; without a command: what is connected."""
    if context.invoked_subcommand is not None:
        return None
    with server(context) as api:
        rows = api.all("/clusters")
    if machine:
        return output.as_json(rows)
    columns = ("name", "status", "version", "endpoints")
    return output.table(
        [column.upper() for column in columns],
        ((r["name"], r["status"], r["version"], " ".join(r["endpoints"])) for r in rows),
    )


@commands.command()
def connect(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="What you call it.")] = None,
    simulator: Annotated[bool, typer.Option("--simulator", help="The one that came with `proximity up`.")] = False,
    endpoint: Annotated[list[str] | None, typer.Option(help="https://host:8006; once per node.")] = None,
    token_id: Annotated[str | None, typer.Option(help="user@realm!token")] = None,
    token_secret_file: Annotated[Path | None, typer.Option(help="File with its secret; asked for if left out.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="SHA-256 of the certificate; shown if left out.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Authority that signed the certificate, instead.")] = None,
    timeout: Timeout = 60.0,
    machine: Json = False,
) -> None:
    """Connect a cluster by an API token, and see which rights it lacks."""
    with server(context) as api:
        if simulator:
            body: Row = {"name": name or "simulator", "simulator": True}
        elif endpoint and token_id:
            body = {"name": name or "proxmox", "endpoints": endpoint, "token_id": token_id}
            body |= _trust(api, endpoint[0], fingerprint, ca_file)
            body["token_secret"] = _secret(token_secret_file)
        else:
            raise Failure("Say --simulator, or --endpoint and --token-id.", code="usage", status=Exit.USAGE)
        _carry_out(api, api.post("/clusters", body), timeout, machine=machine)


@commands.command()
def check(context: typer.Context, name: Name, timeout: Timeout = 60.0, machine: Json = False) -> None:
    """Look again at a cluster's version and at the token's rights."""
    with server(context) as api:
        row = find(api, "/clusters", name, "cluster")
        _carry_out(api, api.post(f"/clusters/{row['id']}/check"), timeout, machine=machine)


@commands.command()
def remove(context: typer.Context, name: Name, timeout: Timeout = 60.0, machine: Json = False) -> None:
    """Forget a cluster. Nothing on it is touched; one with applications cannot be removed."""
    with server(context) as api:
        row = find(api, "/clusters", name, "cluster")
        _carry_out(api, api.delete(f"/clusters/{row['id']}"), timeout, machine=machine)


def _carry_out(api: Server, accepted: Row, timeout: float, *, machine: bool) -> None:
    row = watch(api, accepted["operation_id"], timeout, machine=machine)
    failed = output.went_wrong(row)
    if machine:
        output.as_json(row)
        if failed:
            raise typer.Exit(failed.status)
        return
    if failed:
        raise failed
    if row["kind"] == "remove":
        output.say(f"{row['target_name']} is removed.")
        return
    cluster = api.get(f"/clusters/{row['target']}")
    output.say(f"{cluster['name']} is {cluster['status']}: Proxmox VE {cluster['version']}.")
    for feature, rights in (cluster.get("missing") or {}).items():
        output.say(f"  The token lacks for {feature.replace('_', ' ')}: {', '.join(rights)}")


def _trust(api: Server, endpoint: str, fingerprint: str | None, ca_file: Path | None) -> Row:
    if ca_file:
        return {"ca": _text(ca_file)}
    if fingerprint:
        return {"fingerprint": fingerprint}
    seen = api.post("/clusters/probe", {"endpoint": endpoint})
    output.say(f"{endpoint} shows a certificate with the fingerprint\n  {seen['fingerprint']}")
    output.say("Compare it with what the node itself says: pvenode cert info")
    if not typer.confirm("Is it the same?"):
        raise Failure("Nothing was connected.", code="not_confirmed")
    return {"fingerprint": seen["fingerprint"]}


def _secret(file: Path | None) -> str:
    if file:
        return _text(file)
    entered: str = typer.prompt("Secret of the token", hide_input=True)
    return entered


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", code="usage", status=Exit.USAGE) from error

"""The commands about what Proxmox has and no application, and about what is otherwise than it should be."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from proximity_launcher.cli import output
from proximity_launcher.cli.applications import Name, find
from proximity_launcher.cli.operations import carry_out, carry_out_all, watch
from proximity_launcher.cli.options import Json, Timeout, Wait, server
from proximity_launcher.cli.server import Row, Server
from proximity_launcher.failure import Exit, Failure

finding_commands = typer.Typer(help="What is otherwise than it should be, and by whom.")

Cluster = Annotated[str | None, typer.Option(help="Only of this cluster, by name or id.")]
Guests = Annotated[list[str], typer.Argument(help="VMID, name or id of each guest.")]


def guests(
    context: typer.Context,
    cluster: Cluster = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what cannot be adopted, and what is ignored.")
    ] = False,
    machine: Json = False,
) -> None:
    """What is on Proxmox and belongs to no application: it can be adopted."""
    with server(context) as api:
        rows = api.all("/guests", **_of(api, cluster), **({} if everything else {"adoptable": True, "ignored": False}))
        names = {row["id"]: row["name"] for row in api.all("/clusters")}
    if machine:
        return output.as_json(rows)
    return output.table(
        ("VMID", "NAME", "STATUS", "ADDRESS", "NODE", "CLUSTER", "TYPE", "RUNS", "TAGS"),
        (
            (
                *(row["vmid"], row["name"], row["status"], next(iter(row["addresses"] or ()), None)),
                *(row["node"], names.get(row["cluster_id"])),
                *("template" if row["template"] else row["type"], row["app"], " ".join(row["tags"])),
            )
            for row in rows
        ),
    )


def adopt(
    context: typer.Context,
    guest: Guests,
    name: Annotated[str | None, typer.Option(help="What you call it; the guest's name if left out.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Where its web page is.")] = None,
    cluster: Cluster = None,
    wait: Wait = True,
    timeout: Timeout = 300.0,
    machine: Json = False,
) -> None:
    """Make guests applications. Only a line in the description and, if allowed, a tag are written to each."""
    with server(context) as api:
        chosen = _chosen(api, guest, cluster)
        if len(chosen) == 1:
            body = {key: value for key, value in (("name", name), ("port", port)) if value is not None}
            accepted = api.post(f"/guests/{chosen[0]['id']}/adopt", body)
            return carry_out(api, accepted, wait=wait, timeout=timeout, machine=machine)
        if name or port:
            raise Failure("--name and --port are for a single guest.", code="usage", status=Exit.USAGE)
        answer = api.post("/guests/adopt", {"guests": [{"id": row["id"]} for row in chosen]})
        names = _names(chosen)
        return carry_out_all(
            api, answer, names, lambda row: f"{row['target_name']} is adopted.", wait, timeout, machine
        )


def ignore(
    context: typer.Context,
    guest: Guests,
    undo: Annotated[bool, typer.Option("--undo", help="Offer them again.")] = False,
    cluster: Cluster = None,
    wait: Wait = True,
    timeout: Timeout = 60.0,
    machine: Json = False,
) -> None:
    """Do not offer guests for adoption any more."""
    verb, done = ("notice", "is offered again") if undo else ("ignore", "is ignored")
    with server(context) as api:
        names = _names(_chosen(api, guest, cluster))
        answer = api.post(f"/guests/{verb}", {"guests": list(names)})
        carry_out_all(api, answer, names, lambda row: f"{names[row['target']]} {done}.", wait, timeout, machine)


@finding_commands.callback(invoke_without_command=True)
def findings(context: typer.Context, cluster: Cluster = None, machine: Json = False) -> None:
    """What is otherwise than it should be, and by whom."""
    if context.invoked_subcommand is not None:
        return None
    with server(context) as api:
        rows = api.all("/findings", **_of(api, cluster))
    if machine:
        return output.as_json(rows)
    if not rows:
        return output.say("Everything is as it should be.")
    return output.table(
        ("OF", "FINDING", "SINCE", "BY", "WHAT"),
        (
            (
                *(row["subject_name"], row["kind"].replace("_", " "), row["opened_at"][:19]),
                *(row["explained"]["user"] if row["explained"] else "not known", row["message"]),
            )
            for row in rows
        ),
    )


@finding_commands.command()
def accept(
    context: typer.Context,
    name: Name,
    setting: Annotated[
        str | None, typer.Argument(help="The setting, such as memory or env.TOKEN; all that were changed if left out.")
    ] = None,
    timeout: Timeout = 60.0,
    machine: Json = False,
) -> None:
    """Take settings of an application that were changed outside for right. Nothing is written to Proxmox."""
    with server(context) as api:
        application = find(api, "/applications", name, "application")
        changed = _changed(api, application)
        chosen = [key for field, key in changed.items() if setting in (None, field)]
        if not chosen:
            what = f"the setting {setting}" if setting else "any setting"
            message = f"Nobody changed {what} of {application['name']}, or it is settled."
            raise Failure(message, code="not_found", status=Exit.NOT_FOUND)
        ended = []
        for key in chosen:
            accepted = api.post(f"/applications/{application['id']}/findings/{quote(key, safe='')}/accept")
            ended.append(watch(api, accepted["operation_id"], timeout, machine=machine))
            if failure := output.went_wrong(ended[-1]):
                raise failure
    if machine:
        return output.as_json(ended)
    return output.say(f"Accepted: {', '.join(key.partition(':')[2] for key in chosen)}.")


def _changed(api: Server, application: Row) -> dict[str, str]:
    """The settings that were changed outside -> the key of their finding."""
    prefix = f"application/{application['id']}/"
    rows = api.all("/findings", about=application["id"])
    keys = [row["id"].removeprefix(prefix) for row in rows if row["kind"] == "configuration_changed"]
    return {key.partition(":")[2]: key for key in keys}


def _of(api: Server, cluster: str | None) -> dict[str, Any]:
    return {"cluster_id": find(api, "/clusters", cluster, "cluster")["id"]} if cluster else {}


def _names(rows: list[Row]) -> dict[str, str]:
    """By id."""
    return {row["id"]: row["name"] or f"Guest {row['vmid']}" for row in rows}


def _chosen(api: Server, named: list[str], cluster: str | None) -> list[Row]:
    """Raises a Failure for what is not there, or there more than once."""
    rows = api.all("/guests", **_of(api, cluster))
    chosen: dict[str, Row] = {}
    for name in named:
        found = [row for row in rows if name in (row["id"], str(row["vmid"]), row["name"])]
        if not found:
            raise Failure(f"There is no guest called {name}.", code="not_found", status=Exit.NOT_FOUND)
        if len(found) > 1:
            ids = ", ".join(row["id"] for row in found)
            raise Failure(f"{name} is not the only one, say which: {ids}.", code="usage", status=Exit.USAGE)
        chosen[found[0]["id"]] = found[0]
    return list(chosen.values())

"""The commands about applications: deploy, list, and everything that is done to one of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from proximity_launcher.cli import output
from proximity_launcher.cli.operations import carry_out, carry_out_all, released
from proximity_launcher.cli.options import Json, Timeout, Wait, server
from proximity_launcher.cli.server import Row, Server
from proximity_launcher.failure import Exit, Failure

_NUMBERS = frozenset({"cores", "memory_mib", "disk_gib"})
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}

Name = Annotated[str, typer.Argument(help="Its name or id.")]


def catalog(context: typer.Context, machine: Json = False) -> None:
    """The recipes that can be deployed."""
    with server(context) as api:
        recipes = api.all("/catalog")
    if machine:
        return output.as_json(recipes)
    return output.table(
        ("RECIPE", "NAME", "RUNTIME", "DESCRIPTION"),
        ((r["slug"], r["name"], r["runtime"], r.get("description")) for r in recipes),
    )


def apps(context: typer.Context, machine: Json = False) -> None:
    """The applications and how they are."""
    with server(context) as api:
        rows = api.all("/applications")
    if machine:
        return output.as_json(rows)
    columns = ("name", "recipe", "status", "address", "node", "vmid")
    return output.table([column.upper() for column in columns], ([row[c] for c in columns] for row in rows))


def deploy(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="One of `proximity catalog`.")],
    name: Annotated[str, typer.Option("--name", help="What you call it; unique.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting; KEY=@FILE reads it, KEY=- asks for it unseen."),
    ] = None,
    cluster: Annotated[str | None, typer.Option(help="Cluster, by name or id, if there are several.")] = None,
    node: Annotated[str | None, typer.Option(help="Node; chosen for you if left out.")] = None,
    wait: Wait = True,
    timeout: Timeout = 900.0,
    machine: Json = False,
) -> None:
    """Deploy an application and watch its steps."""
    with server(context) as api:
        body: Row = {"recipe": recipe, "name": name, "settings": _settings(api, recipe, settings or ())}
        if cluster:
            body["cluster_id"] = find(api, "/clusters", cluster, "cluster")["id"]
        if node:
            body["node"] = node
        carry_out(api, api.post("/applications", body), wait=wait, timeout=timeout, machine=machine)


def start(
    context: typer.Context, name: Name, wait: Wait = True, timeout: Timeout = 300.0, machine: Json = False
) -> None:
    """Start an application."""
    act(context, name, "start", wait=wait, timeout=timeout, machine=machine)


def shutdown(
    context: typer.Context, name: Name, wait: Wait = True, timeout: Timeout = 300.0, machine: Json = False
) -> None:
    """Ask an application to go down by itself."""
    act(context, name, "shutdown", wait=wait, timeout=timeout, machine=machine)


def stop(
    context: typer.Context, name: Name, wait: Wait = True, timeout: Timeout = 300.0, machine: Json = False
) -> None:
    """Stop an application at once, as if its plug were pulled."""
    act(context, name, "stop", wait=wait, timeout=timeout, machine=machine)


def restart(
    context: typer.Context, name: Name, wait: Wait = True, timeout: Timeout = 300.0, machine: Json = False
) -> None:
    """Shut an application down and start it again."""
    act(context, name, "restart", wait=wait, timeout=timeout, machine=machine)


def release(
    context: typer.Context,
    name: Annotated[list[str], typer.Argument(help="Name or id of each.")],
    wait: Wait = True,
    timeout: Timeout = 300.0,
    machine: Json = False,
) -> None:
    """Give adopted containers back as they were; the applications are no more."""
    if len(name) == 1:
        return act(context, name[0], "release", wait=wait, timeout=timeout, machine=machine)
    with server(context) as api:
        found = (find(api, "/applications", one, "application") for one in name)
        names = {row["id"]: row["name"] for row in found}
        answer = api.post("/applications/release", {"applications": list(names)})
        return carry_out_all(api, answer, names, released, wait, timeout, machine)


def delete(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    destroy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Destroy also one that was adopted: its exact name."),
    ] = None,
    wait: Wait = True,
    timeout: Timeout = 600.0,
    machine: Json = False,
) -> None:
    """Delete an application with its container and all that is in it; one that was adopted is given back."""
    with server(context) as api:
        row = find(api, "/applications", name, "application")
        stays = row["adopted"] and destroy is None
        question = "and give its container back" if stays else "with everything in its container"
        if not yes and not typer.confirm(f"Delete {row['name']} {question}?"):
            raise Failure("Nothing was deleted.", code="not_confirmed")
        meant = "" if destroy is None else f"?{urlencode({'destroy': 'true', 'name': destroy})}"
        carry_out(api, api.delete(f"/applications/{row['id']}{meant}"), wait=wait, timeout=timeout, machine=machine)


def find(api: Server, path: str, name: str, what: str) -> Row:
    """By id, or by name, or by the form of the name that is unique."""
    for row in api.all(path):
        if name in (row["id"], row["name"], row.get("slug")):
            return row
    raise Failure(f"There is no {what} called {name}.", code="not_found", status=Exit.NOT_FOUND)


def act(context: typer.Context, name: str, verb: str, *, wait: bool, timeout: float, machine: bool) -> None:
    with server(context) as api:
        row = find(api, "/applications", name, "application")
        accepted = api.post(f"/applications/{row['id']}/{verb}")
        carry_out(api, accepted, wait=wait, timeout=timeout, machine=machine)


def _settings(api: Server, recipe: str, given: Sequence[str]) -> dict[str, Any]:
    if not given:
        return {}
    kinds = {setting["key"]: setting["type"] for setting in api.get(f"/catalog/{recipe}").get("settings", ())}
    settings: dict[str, Any] = {}
    for pair in given:
        key, equals, text = pair.partition("=")
        if not equals:
            raise Failure(f"--set takes KEY=VALUE, and {key} has no value.", code="usage", status=Exit.USAGE)
        kind = "integer" if key in _NUMBERS else kinds.get(key, "string")
        settings[key] = _value(key, kind, _read(key, text))
    return settings


def _read(key: str, text: str) -> str:
    if text == "-":
        entered: str = typer.prompt(key, hide_input=True)
        return entered
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_text().rstrip("\n")
        except OSError as error:
            raise Failure(f"{text[1:]} cannot be read: {error.strerror}.", code="usage", status=Exit.USAGE) from error
    return text


def _value(key: str, kind: str, text: str) -> str | int | bool:
    if kind == "integer" and text.lstrip("-").isdigit():
        return int(text)
    if kind == "boolean" and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if kind in ("integer", "boolean"):
        wanted = "a whole number" if kind == "integer" else "true or false"
        raise Failure(f"{key} must be {wanted}.", code="usage", status=Exit.USAGE)
    return text

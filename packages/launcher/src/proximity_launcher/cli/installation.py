"""The commands about the installation: setting it up, signing in, how it is, what happened, building anew."""

import json
import time
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from proximity_launcher.cli import output
from proximity_launcher.cli.options import Json, server
from proximity_launcher.cli.server import Row, Server, unreachable
from proximity_launcher.failure import Exit, Failure

PasswordFile = Annotated[Path | None, typer.Option("--password-file", help="File with it; asked for if left out.")]
TokenFile = Annotated[
    Path | None, typer.Option("--setup-token-file", help="File with the setup token; asked for if left out.")
]
Username = Annotated[str, typer.Option("--username", prompt="User name", help="The name to sign in with.")]


def setup(
    context: typer.Context,
    username: Username,
    setup_token_file: TokenFile = None,
    password_file: PasswordFile = None,
    machine: Json = False,
) -> None:
    """Make the first user of a new installation, and sign in."""
    body = {
        "setup_token": _secret(setup_token_file, "Setup token (in the ready line of proximity up)", confirm=False),
        "username": username,
        "password": _secret(password_file, "Password", confirm=True),
    }
    _sign_in(context, "/setup", body, machine=machine)


def login(
    context: typer.Context, username: Username, password_file: PasswordFile = None, machine: Json = False
) -> None:
    """Sign in; the session is kept for the next commands."""
    body = {"username": username, "password": _secret(password_file, "Password", confirm=False)}
    _sign_in(context, "/session", body, machine=machine)


def logout(context: typer.Context, machine: Json = False) -> None:
    """End the session, here and on the server."""
    with server(context) as api:
        try:
            api.delete("/session")
        except Failure as failure:
            if failure.status is not Exit.NOT_AUTHORISED:
                raise
        api.forget_session()
    if machine:
        return output.as_json({"signed_in": False})
    return output.say("Signed out.")


def status(context: typer.Context, machine: Json = False) -> None:
    """Whether Proximity runs, what is connected and how the applications are."""
    with server(context) as api:
        if not api.is_alive():
            raise unreachable(api.url)
        clusters, applications = api.all("/clusters"), api.all("/applications")
    counts: dict[str, int] = {}
    for row in applications:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    if machine:
        return output.as_json({"url": api.url, "clusters": clusters, "applications": counts})
    output.say(f"Proximity runs at {api.url}")
    output.table(("CLUSTER", "STATUS", "VERSION"), ((c["name"], c["status"], c["version"]) for c in clusters))
    said = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(counts.items()))
    return output.say(f"Applications: {said or 'none yet'}")


def events(
    context: typer.Context,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    after: Annotated[int, typer.Option(help="Begin after this position.")] = 0,
    machine: Json = False,
) -> None:
    """What happened, from the log itself: every event with its who, when and why."""
    with server(context) as api:
        more = True
        while more:
            page = api.get("/events", after=after, limit=200)
            for event in page["items"]:
                _tell(event, machine=machine)
            more = page["next"] is not None
            after = page["next"] if more else page["position"]
        if following:
            _follow(api, after, machine=machine)


def _follow(api: Server, after: int, *, machine: bool) -> None:
    while True:
        try:
            with api.stream("/events/stream", after=after) as frames:
                for frame in frames:
                    if frame.data:
                        event = json.loads(frame.data)
                        _tell(event, machine=machine)
                        after = int(event["sequence"])
        except httpx2.TransportError:
            if not api.is_alive():
                time.sleep(1)


def _tell(event: Row, *, machine: bool) -> None:
    if machine:
        return output.as_json(event)
    what = event["type"].removeprefix("dev.proximity.")
    return output.say(f"{int(event['sequence']):>6}  {event['time'][:19]}  {event['subject']}  {what}")


def _sign_in(context: typer.Context, path: str, body: Row, *, machine: bool) -> None:
    with server(context) as api:
        api.drop_session()
        api.post(path, body)
        api.keep_session()
        who = api.get("/me")
    if machine:
        return output.as_json(who)
    return output.say(f"Signed in as {who['username']} at {api.url}.")


def _secret(file: Path | None, prompt: str, *, confirm: bool) -> str:
    if file is None:
        entered: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm)
        return entered
    try:
        return file.read_text().strip()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", code="usage", status=Exit.USAGE) from error

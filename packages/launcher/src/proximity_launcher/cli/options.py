"""What the commands have in common: how they find the server and how they answer."""

import os
from typing import Annotated

import typer

from proximity_launcher.cli.server import Server

Json = Annotated[bool, typer.Option("--json", help="Answer with JSON, for programs.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the operation until it ends.")]
Timeout = Annotated[float, typer.Option(help="Seconds to follow; the operation goes on by itself after that.")]


def default_url() -> str:
    return os.environ.get("PROXIMITY_URL") or f"http://127.0.0.1:{os.environ.get('PROXIMITY_PORT', '8080')}"


def server(context: typer.Context) -> Server:
    root = context.find_root()
    return Server(root.params.get("url") or default_url())

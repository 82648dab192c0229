"""The commands that run the product on this machine."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from proximity_launcher.up.options import from_environment


def up(
    port: Annotated[
        int | None, typer.Option(help="Where the api listens, on loopback; PROXIMITY_PORT or 8080.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; PROXIMITY_DATA or ./.proximity.")] = None,
    provisioners: Annotated[int, typer.Option(min=1, max=20, help="How many provisioners work side by side.")] = 1,
    simulator_speed: Annotated[float, typer.Option(min=0.1, help="How much faster than real the simulator is.")] = 1.0,
) -> None:
    """Run everything on this machine until Ctrl-C: NATS, PostgreSQL, the simulator and the services."""
    from proximity_launcher.up.run import run  # noqa: PLC0415 - the other commands start faster without it

    options = replace(from_environment(), provisioners=provisioners, simulator_speed=simulator_speed)
    if port is not None:
        options = replace(options, port=port)
    if data is not None:
        options = replace(options, data=data.absolute())
    asyncio.run(run(options))


def rebuild() -> None:
    pass

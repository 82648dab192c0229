"""The commands that run the product on this machine."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from proximity_launcher.cli import output
from proximity_launcher.cli.options import Json
from proximity_launcher.failure import Exit, Failure
from proximity_launcher.up.data import DataFolder
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


def rebuild(
    data: Annotated[Path | None, typer.Option(help="The data folder; PROXIMITY_DATA or ./.proximity.")] = None,
    machine: Json = False,
) -> None:
    """Fold the read model of the Proximity that runs on this machine anew from the log, and read that from then on."""
    folder = DataFolder(data.absolute() if data else from_environment().data)
    # a program of the projector's own, with the projector's rights
    done = subprocess.run(
        [sys.executable, "-m", "proximity_projector", "rebuild"],
        env=running_variables(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failure(f"The read model could not be built anew: {said}", code="rebuild_failed")
    if machine:
        return output.as_json({"said": done.stdout.strip()})
    return output.say(done.stdout.strip())


def running_variables(folder: DataFolder) -> dict[str, str]:
    """The projector's, of what runs on the folder. Raises a Failure if nothing does."""
    if not folder.is_held() or not folder.running.exists():
        raise Failure(
            f"Proximity does not run on {folder.root}. Start it with `make up`.",
            code="not_running",
            status=Exit.UNREACHABLE,
        )
    variables: dict[str, str] = json.loads(folder.running.read_text())["projector"]
    return variables

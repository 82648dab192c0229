"""Backing up the Proximity of a data folder, and making it again: whether it runs or not."""

from pathlib import Path
from typing import Annotated

import typer

from proximity_launcher.cli import output
from proximity_launcher.cli.options import Json
from proximity_launcher.up.data import DataFolder
from proximity_launcher.up.options import from_environment

Data = Annotated[Path | None, typer.Option(help="The data folder; PROXIMITY_DATA or ./.proximity.")]


def backup(
    file: Annotated[Path, typer.Argument(help="The file to make.")],
    data: Data = None,
    with_vault_key: Annotated[
        bool, typer.Option(help="Put the vault's key into it, too. Whoever has the file then has every secret.")
    ] = False,
    machine: Json = False,
) -> None:
    """Save the log, the sealed secrets and the credentials of the Proximity of a data folder, running or not."""
    folder = _folder(data)
    # not before it is needed: the client of NATS would cost every other command half a second
    from proximity_launcher.backups import save  # noqa: PLC0415

    position = save(folder, file, with_vault_key)
    if machine:
        return output.as_json({"file": str(file), "position": position, "holds_key": with_vault_key})
    if not with_vault_key:
        output.say(f"Keep {folder.secrets / 'vault.key'} as well, elsewhere: no secret can be opened without it.")
    return output.say(f"Saved up to position {position} in {file}.")


def restore_backup(
    file: Annotated[Path, typer.Argument(help="A file that `proximity backup` made.")],
    data: Data = None,
    vault_key_file: Annotated[Path | None, typer.Option(help="The vault's key, if the file does not hold it.")] = None,
    machine: Json = False,
) -> None:
    """Make the Proximity of a data folder again from a backup; there must be none in it."""
    from proximity_launcher.backups import put_back  # noqa: PLC0415

    position = put_back(_folder(data), file, vault_key_file)
    if machine:
        return output.as_json({"position": position})
    return output.say(f"Restored up to position {position}. Start it with `make up` and sign in.")


def _folder(data: Path | None) -> DataFolder:
    return DataFolder(data.absolute() if data else from_environment().data)

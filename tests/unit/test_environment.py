"""Every variable that something reads stands in .env.example, and nothing else does; its default is the one there."""

import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from compose import composition
from conformance.place import PREFIX, Place
from proximity_api.settings import Settings as Api
from proximity_launcher.up import options
from proximity_projector.settings import Settings as Projector
from proximity_provisioner.settings import Settings as Provisioner
from proximity_reconciler.settings import Settings as Reconciler

REPOSITORY = Path(__file__).parents[2]
SETTINGS: tuple[type[BaseSettings], ...] = (Api, Provisioner, Reconciler, Projector)
EXAMPLE = (REPOSITORY / ".env.example").read_text()
DOCUMENTED = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", EXAMPLE, re.M))
NAMED = re.compile(r"\bPROXIMITY_[A-Z]+(?:_[A-Z]+)*\b")


def of_settings() -> dict[str, set[str]]:
    """Variable -> defaults of the services that know it; empty where it must be told or is nothing."""
    known: dict[str, set[str]] = {}
    for settings in SETTINGS:
        for name, field in settings.model_fields.items():
            default = "" if field.is_required() or field.default is None else str(field.default)
            known.setdefault(f"PROXIMITY_{name}".upper(), set()).add(default)
    return known


def named_in(folders: Iterable[Path]) -> set[str]:
    """Whole names in what is installed, whoever reads them."""
    files = [file for folder in folders for file in folder.rglob("*.py")]
    return {name for file in files for name in NAMED.findall(file.read_text())}


def of_the_tests_place() -> set[str]:
    """The variables that name a real Proxmox VE for the conformance tests and for `make up`."""
    connection = {"URL", "TOKEN_ID", "TOKEN_SECRET", "FINGERPRINT", "CA"}
    given = {field.name.upper() for field in fields(Place)} - {"CONNECTION", "PATIENCE", "REAL"}
    assert options.OFFER == PREFIX
    return {PREFIX + name for name in connection | given}


def read_by_something() -> set[str]:
    sources = (REPOSITORY / "packages").glob("*/src"), (REPOSITORY / "services").glob("*/src")
    named = named_in(folder for folders in sources for folder in folders)
    return named | of_settings().keys() | of_the_tests_place() | composition.variables_of_the_file()


def test_what_is_read_is_documented_and_nothing_else() -> None:
    assert read_by_something() - DOCUMENTED.keys() == set(), "not in .env.example"
    assert DOCUMENTED.keys() - read_by_something() == set(), "nobody reads it"


def test_no_variable_is_documented_twice() -> None:
    names = re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.M)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(of_settings().keys() - {"PROXIMITY_NATS_USER", "PROXIMITY_CATALOG"}))
def test_documented_default_is_the_one_in_the_code(name: str) -> None:
    """The user of NATS is each service's own; `make up` knows where the recipes are."""
    assert value(DOCUMENTED[name]) in {value(default) for default in of_settings()[name]}


@pytest.mark.parametrize("name", sorted(composition.variables_of_the_file()))
def test_documented_default_is_the_one_of_compose(name: str) -> None:
    found = set(re.findall(rf"\$\{{{name}:-([^}}]*)\}}", composition.COMPOSE_FILE.read_text()))
    assert found == {DOCUMENTED[name]}


def value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.lower()

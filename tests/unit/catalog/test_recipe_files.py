"""Every recipe holds to the schema, which is for other tools, and to the model, which Proximity runs on."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from proximity.domain.catalog import Recipe, resolve

CATALOG = Path(__file__).parents[3] / "catalog"
FILES = sorted(CATALOG.glob("*.yaml"))
SCHEMA = json.loads((CATALOG / "recipe.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def read(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text())
    assert isinstance(document, dict)
    return document


def schema_accepts(document: object) -> bool:
    return bool(VALIDATOR.is_valid(document))


def model_accepts(document: object) -> bool:
    try:
        Recipe.model_validate(document)
    except ValidationError:
        return False
    return True


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_catalog_has_the_recipes_that_are_promised() -> None:
    assert {path.stem for path in FILES} >= {"debian", "turnkey-nginx", "turnkey-wordpress"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recipe_is_valid_and_named_after_its_file(path: Path) -> None:
    document = read(path)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    recipe = Recipe.model_validate(document)
    assert recipe.slug == path.stem
    assert resolve(recipe, {}).problems == (), "an application can be deployed without setting anything"


def changed(*path: str | int, value: object) -> dict[str, Any]:
    """The Debian recipe with one value set (None: removed)."""
    document = deepcopy(read(CATALOG / "debian.yaml"))
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def setting(**fields: object) -> dict[str, Any]:
    return changed("settings", 0, value={"key": "extra", "label": "Extra", **fields})


WRONG = {
    "a field nobody reads": changed("icon", value="debian.svg"),
    "no version": changed("version", value=None),
    "a version that is a number": changed("version", value=1),
    "a slug with spaces": changed("slug", value="Debian 12"),
    "no category": changed("categories", value=[]),
    "plain-text docs": changed("docs", value="http://debian.org"),
    "another runtime": changed("runtime", value="magic"),
    "no cores": changed("resources", "minimal", "cores", value=0),
    "memory as text": changed("resources", "default", "memory_mib", value="512"),
    "a template without version": changed("template", "version", value=None),
    "a template with a path": changed("template", "name", value="../debian"),
    "a template with something more": changed("template", "arch", value="amd64"),
    "a probe without port": changed("probe", value={"kind": "tcp"}),
    "a port without probe": changed("probe", value={"kind": "none", "port": 80}),
    "a port that cannot be": changed("probe", value={"kind": "tcp", "port": 70000}),
    "a web address without port": changed("web", value={"scheme": "http"}),
    "a web address of another kind": changed("web", value={"scheme": "ftp", "port": 21}),
    "an unknown type": setting(type="password"),
    "an integer with a text default": setting(type="integer", default="8"),
    "an integer with true as default": setting(type="integer", default=True),
    "a boolean with a number": setting(type="boolean", default=1),
    "a boolean with a range": setting(type="boolean", min=1),
    "a secret with a default": setting(type="secret", default="secret123"),
    "a generated string": setting(type="string", generated=True),
    "options of a text": setting(type="text", options=["a"]),
    "no options": setting(type="string", options=[]),
    "a pattern for an integer": setting(type="integer", pattern="^1$"),
    "a pattern that is none": setting(type="string", pattern="("),
    "a setting everybody has": setting(type="integer") | {},
    "a key in capitals": changed("settings", 0, "key", value="Root"),
    "no label": changed("settings", 0, "label", value=""),
}
WRONG["a setting everybody has"]["settings"][0]["key"] = "cores"

RIGHT = {
    "as it is": read(CATALOG / "debian.yaml"),
    "no settings": changed("settings", value=None),
    "a web address": changed("web", value={"port": 8080}),
    "an http probe": changed("probe", value={"kind": "http", "port": 80, "path": "/health"}),
    "an explicit absence of a probe": changed("probe", value={"kind": "none"}),
    "an integer with a range": setting(type="integer", default=3, min=1, max=5),
    "a string with options": setting(type="string", default="a", options=["a", "b"]),
    "a boolean": setting(type="boolean", default=False),
    "a secret that is not generated": setting(type="secret", required=True, generated=False),
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())
def test_schema_and_model_both_refuse(document: dict[str, Any]) -> None:
    assert (schema_accepts(document), model_accepts(document)) == (False, False)


@pytest.mark.parametrize("document", RIGHT.values(), ids=RIGHT.keys())
def test_schema_and_model_both_accept(document: dict[str, Any]) -> None:
    assert (schema_accepts(document), model_accepts(document)) == (True, True)


@pytest.mark.parametrize(
    "document",
    [
        changed("settings", value=[{"key": "a", "label": "A", "type": "string"}] * 2),
        changed("resources", "minimal", "disk_gib", value=5),
        setting(type="integer", default=9, max=5),
        setting(type="string", default="c", options=["a", "b"]),
    ],
    ids=["settings named twice", "default below the minimum", "default out of range", "default not among the options"],
)
def test_the_model_refuses_what_a_schema_cannot_say(document: dict[str, Any]) -> None:
    assert not model_accepts(document)

"""Every recipe holds to the schema, which is for other tools, and to the model, which Proximity runs on."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from proximity.domain.catalog.recipe import Recipe
from proximity.domain.catalog.settings import resolve

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
    assert {path.stem for path in FILES} >= {
        *("debian", "turnkey-nginx", "turnkey-wordpress"),
        *("gitea", "postgres", "vaultwarden"),
    }
    assert len(FILES) >= 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recipe_is_valid_and_named_after_its_file(path: Path) -> None:
    document = read(path)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    recipe = Recipe.model_validate(document)
    assert recipe.slug == path.stem
    assert resolve(recipe, {}).problems == (), "an application can be deployed without setting anything"


def changed(*path: str | int, value: object, recipe: str = "debian") -> dict[str, Any]:
    """The recipe with one value set (None: removed)."""
    document = deepcopy(read(CATALOG / f"{recipe}.yaml"))
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


def image(reference: str) -> dict[str, Any]:
    return changed("image", value={"reference": reference}, recipe="vaultwarden")


def volume(**fields: object) -> dict[str, Any]:
    return changed("volumes", value=[fields], recipe="vaultwarden")


def environment(**variables: object) -> dict[str, Any]:
    return changed("environment", value=variables, recipe="vaultwarden")


WRONG = {
    "a template and an image": changed("image", value={"reference": "docker.io/library/debian:12"}),
    "an image and a template": changed("template", value={"name": "a", "version": "1"}, recipe="vaultwarden"),
    "neither": changed("template", value=None),
    "the other runtime": changed("runtime", value="oci"),
    "an image without tag": image("docker.io/library/nginx"),
    "an image that is another one every day": image("docker.io/library/nginx:latest"),
    "an image by digest": image("docker.io/library/nginx@sha256:abcdef"),
    "an image by tag and digest": image("docker.io/library/nginx:1@sha256:abcdef"),
    "an image of any registry": image("nginx:1.27.3"),
    "an image of a user of any registry": image("library/nginx:1.27.3"),
    "an image in capitals": image("docker.io/library/Nginx:1"),
    "an image with something more": changed("image", "digest", value="sha256:0", recipe="vaultwarden"),
    "a volume of nothing": volume(path="/data", size_gib=0),
    "a volume without size": volume(path="/data"),
    "a volume as text": volume(path="/data", size_gib="8"),
    "a volume somewhere": volume(path="data", size_gib=8),
    "a volume in place of everything": volume(path="/", size_gib=8),
    "a volume that climbs": volume(path="/data/../etc", size_gib=8),
    "a volume with options": volume(path="/data,ro=1", size_gib=8),
    "volumes of a template": changed("volumes", value=[{"path": "/data", "size_gib": 8}]),
    "an environment of a template": changed("environment", value={"A": "1"}),
    "an entry point of a template": changed("entrypoint", value="/bin/sh"),
    "a system of a template": changed("os", value="unmanaged"),
    "a variable with a dash": environment(**{"A-B": "1"}),
    "a variable without name": environment(**{"": "1"}),
    "two lines in a variable": environment(A="1\n2"),
    "a number as a variable": environment(A=8080),
    "a variable of something more": environment(A={"setting": "domain", "default": "x"}),
    "no entry point": changed("entrypoint", value="", recipe="vaultwarden"),
    "two lines to start": changed("entrypoint", value="a\nb", recipe="vaultwarden"),
    "a system that is one": changed("os", value="debian", recipe="vaultwarden"),
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
    "an image": read(CATALOG / "vaultwarden.yaml"),
    "an image of a registry with a port": image("registry.lan:5000/team/app__x:v1.2-rc.3"),
    "an image of this very machine": image("localhost/app:1"),
    "a volume of one size": volume(path="/var/lib/.data", size_gib=8),
    "a tabulator in a variable": environment(A="1\t2", B=""),
    "an entry point": changed("entrypoint", value="/bin/app --port 80", recipe="vaultwarden"),
    "an unmanaged system": changed("os", value="unmanaged", recipe="vaultwarden"),
    "no volumes": changed("volumes", value=None, recipe="vaultwarden"),
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
        changed("volumes", value=[{"path": "/data", "size_gib": 8}] * 2, recipe="vaultwarden"),
        environment(A={"setting": "nothing"}),
        volume(path="/data", size_gib={"setting": "nothing"}),
        volume(path="/data", size_gib={"setting": "domain"}),
        changed("settings", 3, "default", value=None, recipe="vaultwarden"),
        changed("settings", 3, "min", value=0, recipe="vaultwarden"),
    ],
    ids=[
        "settings named twice",
        "default below the minimum",
        "default out of range",
        "default not among the options",
        "two volumes at one path",
        "a variable of no setting",
        "a size of no setting",
        "a size that is text",
        "a size nobody may have set",
        "a size of nothing",
    ],
)
def test_the_model_refuses_what_a_schema_cannot_say(document: dict[str, Any]) -> None:
    assert not model_accepts(document)

"""Filling in a recipe's settings."""

from typing import Any

import pytest

from proximity.domain.application.spec import Template, WebAddress
from proximity.domain.catalog.recipe import Recipe
from proximity.domain.catalog.settings import Resolved, resolve

RECIPE = Recipe.model_validate(
    {
        "slug": "wiki",
        "name": "Wiki",
        "version": "3",
        "description": "A wiki.",
        "categories": ["web"],
        "licence": "MIT",
        "docs": "https://wiki.example",
        "runtime": "template",
        "template": {"name": "debian-12-wiki", "version": "18.0-1"},
        "resources": {
            "minimal": {"cores": 1, "memory_mib": 256, "disk_gib": 4},
            "default": {"cores": 2, "memory_mib": 512, "disk_gib": 8},
        },
        "probe": {"kind": "http", "port": 80},
        "web": {"port": 80},
        "settings": [
            {"key": "title", "label": "Title", "type": "string", "required": True, "max": 20},
            {"key": "edition", "label": "Edition", "type": "string", "default": "full", "options": ["full", "small"]},
            {"key": "workers", "label": "Workers", "type": "integer", "default": 2, "min": 1, "max": 8},
            {"key": "public", "label": "Public", "type": "boolean", "default": False},
            {"key": "motd", "label": "Message", "type": "text"},
            {"key": "code", "label": "Code", "type": "string", "pattern": "^[A-Z]{3}$"},
            {"key": "admin_password", "label": "Password", "type": "secret", "generated": True, "min": 8},
            {"key": "license_key", "label": "Licence key", "type": "secret"},
        ],
    }
)


def with_settings(**settings: Any) -> Resolved:
    return resolve(RECIPE, {"title": "My wiki"} | settings)


def problems(**settings: Any) -> dict[str, str]:
    return {problem.key: problem.message for problem in with_settings(**settings).problems}


def test_defaults_are_filled_in_and_what_nobody_set_is_left_out() -> None:
    resolved = with_settings()
    assert resolved.problems == ()
    assert resolved.spec_settings == {"title": "My wiki", "edition": "full", "workers": 2, "public": False}
    assert resolved.resources.model_dump() == {"cores": 2, "memory_mib": 512, "disk_gib": 8}


def test_a_secret_nobody_gave_is_generated_only_where_the_recipe_says_so() -> None:
    resolved = with_settings()
    assert (resolved.generated_needed, resolved.secrets_to_seal) == (("admin_password",), {})


def test_a_given_secret_is_to_be_sealed_and_shows_nowhere_else() -> None:
    resolved = with_settings(admin_password="canary-password")
    assert resolved.secrets_to_seal == {"admin_password": "canary-password"}
    assert resolved.generated_needed == ()
    assert "canary" not in repr(resolved)
    assert "canary" not in resolved.spec({"admin_password": "vault-1"}).model_dump_json()


def test_the_spec_is_complete() -> None:
    spec = with_settings(cores=4, workers=3).spec({"admin_password": "vault-1"})
    assert (spec.recipe, spec.recipe_version, spec.image) == ("wiki", "3", None)
    assert spec.template == Template(name="debian-12-wiki", version="18.0-1")
    assert (spec.resources.cores, spec.settings["workers"]) == (4, 3)
    assert spec.secrets == {"admin_password": "vault-1"}
    assert (spec.probe.port, spec.web) == (80, WebAddress(port=80))
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_field_of_a_form_counts_as_unset(empty: str | None) -> None:
    resolved = with_settings(motd=empty, admin_password=empty, workers=empty, cores=empty)
    assert resolved.problems == ()
    assert resolved.generated_needed == ("admin_password",)


@pytest.mark.parametrize(
    ("settings", "key", "words"),
    [
        ({"title": None}, "title", "needed"),
        ({"title": "x" * 21}, "title", "at most 20 characters"),
        ({"title": "two\nlines"}, "title", "single line"),
        ({"title": 5}, "title", "must be text"),
        ({"edition": "huge"}, "edition", "one of: full, small"),
        ({"workers": 0}, "workers", "at least 1"),
        ({"workers": True}, "workers", "whole number"),
        ({"workers": "3"}, "workers", "whole number"),
        ({"public": "yes"}, "public", "true or false"),
        ({"code": "abc"}, "code", "expected form"),
        ({"code": "ABCD"}, "code", "expected form"),
        ({"unheard_of": 1}, "unheard_of", "no such setting"),
        ({"memory_mib": 128}, "memory_mib", "256 to"),
        ({"cores": 100_000}, "cores", "1 to 512"),
        ({"disk_gib": True}, "disk_gib", "4 to"),
    ],
)
def test_what_does_not_fit_is_said_about_its_setting(settings: dict[str, Any], key: str, words: str) -> None:
    found = problems(**settings)
    assert list(found) == [key]
    assert words in found[key]


def test_a_problem_never_quotes_a_secret() -> None:
    found = problems(admin_password="canary")
    assert list(found) == ["admin_password"]
    assert "canary" not in repr(found)


IMAGE = Recipe.model_validate(
    RECIPE.model_dump(exclude={"template", "image", "runtime"})
    | {
        "runtime": "oci",
        "image": {"reference": "docker.io/library/wiki:3.1"},
        "volumes": [{"path": "/data", "size_gib": {"setting": "workers"}}, {"path": "/cache", "size_gib": 1}],
        "environment": {
            "PORT": "8080",
            "TITLE": {"setting": "title"},
            "WORKERS": {"setting": "workers"},
            "PUBLIC": {"setting": "public"},
            "MOTD": {"setting": "motd"},
            "ADMIN_PASSWORD": {"setting": "admin_password"},
            "LICENSE_KEY": {"setting": "license_key"},
        },
        "entrypoint": "/wiki",
        "os": "unmanaged",
    }
)


def test_settings_become_the_environment_and_what_nobody_set_is_left_out() -> None:
    spec = resolve(IMAGE, {"title": "My wiki", "admin_password": "canary-password"}).spec({"admin_password": "vault-1"})
    assert spec.environment == {"PORT": "8080", "TITLE": "My wiki", "WORKERS": "2", "PUBLIC": "false"}
    assert spec.secret_environment == {"ADMIN_PASSWORD": "admin_password"}
    assert (spec.entrypoint, spec.os, spec.nesting, spec.template) == ("/wiki", "unmanaged", False, None)
    assert "canary" not in spec.model_dump_json()
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec


def test_a_person_may_choose_how_large_a_volume_is() -> None:
    spec = resolve(IMAGE, {"title": "My wiki", "workers": 5}).spec({})
    assert [(volume.path, volume.size_gib) for volume in spec.volumes] == [("/data", 5), ("/cache", 1)]
    assert spec.disk_gib == 8 + 5 + 1


@pytest.mark.parametrize("motd", ["one\ntwo", "bell\x07", "end\r"])
def test_what_a_variable_cannot_hold_is_said_about_its_setting(motd: str) -> None:
    (problem,) = resolve(IMAGE, {"title": "My wiki", "motd": motd}).problems
    assert problem.key == "motd"
    assert "single line" in problem.message
    assert motd not in problem.message


def test_a_tabulator_may_be_in_a_variable() -> None:
    spec = resolve(IMAGE, {"title": "My wiki", "motd": "a\tb"}).spec({})
    assert spec.environment["MOTD"] == "a\tb"


def test_false_and_zero_are_values() -> None:
    assert with_settings(public=False).spec_settings["public"] is False
    assert "workers" in problems(workers=0)


def test_several_lines_are_kept_in_a_text() -> None:
    assert with_settings(motd="one\ntwo").spec_settings["motd"] == "one\ntwo"

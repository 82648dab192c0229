"""Loading the catalog, filling a recipe in, sealing what is secret."""

from pathlib import Path

import pytest
import yaml

from proximity_api.problems import Problem
from proximity_api.recipes import Catalog, CatalogError, sealed_spec

CATALOG = Path(__file__).parents[3] / "catalog"


class Safe:
    def __init__(self) -> None:
        self.sealed: dict[str, str] = {}

    async def seal(self, plaintext: str) -> str:
        self.sealed[f"id-{len(self.sealed)}"] = plaintext
        return f"id-{len(self.sealed) - 1}"


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.load(CATALOG)


async def test_secrets_are_in_the_safe_and_only_their_ids_in_the_spec(catalog: Catalog) -> None:
    safe = Safe()
    spec = await sealed_spec(safe, catalog.resolve("debian", {"root_password": "canary-secret"}))
    assert safe.sealed == {spec.secrets["root_password"]: "canary-secret"}
    assert "canary-secret" not in spec.model_dump_json()


async def test_what_is_generated_differs_each_time_and_fits_the_recipe(catalog: Catalog) -> None:
    safe = Safe()
    for _ in range(3):
        await sealed_spec(safe, catalog.resolve("debian", {}))
    assert len(set(safe.sealed.values())) == 3
    setting = next(s for s in catalog.recipes["debian"].settings if s.key == "root_password")
    assert all(setting.problem_with(value) is None for value in safe.sealed.values())


def test_every_wrong_setting_is_named(catalog: Catalog) -> None:
    with pytest.raises(Problem) as raised:
        catalog.resolve("debian", {"nothing": 1, "cores": 0, "root_password": "short"})
    assert {e.field for e in raised.value.errors} == {"settings.nothing", "settings.cores", "settings.root_password"}


def test_an_unknown_recipe_is_answered_with_those_there_are(catalog: Catalog) -> None:
    with pytest.raises(Problem) as raised:
        catalog.resolve("nothing", {})
    assert "turnkey-wordpress" in raised.value.errors[0].message


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("other.yaml", None, "not the file's name"),
        ("debian.yaml", "slug: debian", "debian.yaml"),
        ("debian.yaml", "{", "debian.yaml"),
    ],
)
def test_a_recipe_that_cannot_be_used_stops_the_start(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    (tmp_path / name).write_text(text or (CATALOG / "debian.yaml").read_text())
    with pytest.raises(CatalogError, match=words):
        Catalog.load(tmp_path)


def test_an_empty_catalog_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no recipe"):
        Catalog.load(tmp_path)


def test_what_no_variable_can_hold_is_refused_before_anything_is_accepted(tmp_path: Path) -> None:
    recipe = yaml.safe_load((CATALOG / "gitea.yaml").read_text())
    recipe["settings"].append({"key": "motd", "label": "Message", "type": "text"})
    recipe["environment"]["MOTD"] = {"setting": "motd"}
    (tmp_path / "gitea.yaml").write_text(yaml.safe_dump(recipe))
    catalog = Catalog.load(tmp_path)
    with pytest.raises(Problem) as raised:
        catalog.resolve("gitea", {"motd": "one\ntwo"})
    assert (raised.value.code, [e.field for e in raised.value.errors]) == ("invalid_request", ["settings.motd"])
    assert "single line" in raised.value.errors[0].message


@pytest.mark.parametrize("slug", ["gitea", "postgres", "vaultwarden"])
async def test_secrets_of_an_image_become_variables_by_their_name_only(catalog: Catalog, slug: str) -> None:
    safe = Safe()
    spec = await sealed_spec(safe, catalog.resolve(slug, {}))
    assert set(spec.secret_environment.values()) == set(spec.secrets) != set()
    assert all(value not in spec.model_dump_json() for value in safe.sealed.values())
    assert spec.image is not None
    assert spec.volumes
    assert not spec.nesting

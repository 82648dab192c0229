"""Loading the catalog, filling a recipe in, sealing what is secret."""

from pathlib import Path

import pytest

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

"""The page that tells how a recipe is written tells all of it, and its example is one."""

import json
import re
from pathlib import Path

import yaml

from proximity.domain.catalog.recipe import Recipe
from proximity.domain.catalog.settings import resolve

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "catalog.md").read_text()
SCHEMA = json.loads((ROOT / "catalog" / "recipe.schema.json").read_text())


def explained() -> set[str]:
    """What stands in the first column of its tables."""
    cells = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    return {name.partition(".")[0] for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_field_is_explained_and_no_other() -> None:
    fields = {*SCHEMA["properties"], *SCHEMA["$defs"]["setting"]["properties"]}
    assert explained() == fields


def test_the_example_is_a_recipe() -> None:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    recipe = Recipe.model_validate(yaml.safe_load(found[1]))
    assert resolve(recipe, {}).problems == ()

"""The recipes: read once from the catalog's folder, and filled in with what a person set."""

import secrets
from pathlib import Path
from typing import Protocol

import yaml

from proximity.domain.application.spec import Spec
from proximity.domain.catalog.recipe import Recipe
from proximity.domain.catalog.settings import Resolved, resolve
from proximity_api.problems import invalid

# letters and digits that are not mistaken for each other: about 140 bits
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GENERATED_LENGTH = 24
# as safe and ten times as fast, where PyYAML was built with it
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CatalogError(Exception):
    """A recipe that cannot be used. Names the file."""


class Seals(Protocol):
    async def seal(self, plaintext: str) -> str: ...


class Catalog:
    def __init__(self, recipes: dict[str, Recipe]) -> None:
        self.recipes = recipes

    @classmethod
    def load(cls, folder: Path) -> "Catalog":
        """Raises CatalogError: better no start than a recipe that fails when somebody needs it."""
        recipes = {}
        for path in sorted(folder.glob("*.yaml")):
            try:
                recipe = Recipe.model_validate(yaml.load(path.read_text(), Loader=_LOADER))  # noqa: S506 - one of the two safe ones
            except (ValueError, yaml.YAMLError) as error:
                raise CatalogError(f"{path.name}: {error}") from error
            if recipe.slug != path.stem:
                raise CatalogError(f"{path.name}: the slug {recipe.slug} is not the file's name")
            for setting in recipe.settings:
                if setting.generated and setting.problem_with(_generate()):
                    raise CatalogError(f"{path.name}: {setting.key} cannot be generated within its limits")
            recipes[recipe.slug] = recipe
        if not recipes:
            raise CatalogError(f"there is no recipe in {folder}")
        return cls(recipes)

    def resolve(self, slug: str, settings: dict[str, str | int | bool | None]) -> Resolved:
        """Raises the problem 422, which names every setting that is wrong and why."""
        recipe = self.recipes.get(slug)
        if recipe is None:
            raise invalid(("recipe", f"There is no such recipe. There are: {', '.join(self.recipes)}."))
        resolved = resolve(recipe, settings)
        if resolved.problems:
            raise invalid(*((f"settings.{problem.key[:64]}", problem.message) for problem in resolved.problems))
        return resolved


async def sealed_spec(vault: Seals, resolved: Resolved) -> Spec:
    """Every secret goes into the vault first; the spec only names where it lies."""
    values = resolved.secrets_to_seal | {key: _generate() for key in resolved.generated_needed}
    return resolved.spec({key: await vault.seal(value) for key, value in values.items()})


def _generate() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GENERATED_LENGTH))

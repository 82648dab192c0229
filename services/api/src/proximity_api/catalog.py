"""`/catalog`: what can be deployed, and what may be set of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from proximity.domain.catalog.recipe import Recipe
from proximity_api.openapi import PREFIX, errors
from proximity_api.parts import parts_of
from proximity_api.problems import Problem
from proximity_api.security import Viewer

router = APIRouter(prefix=f"{PREFIX}/catalog", tags=["catalog"])


class Recipes(BaseModel):
    """All of them: the catalog has one page."""

    items: list[Recipe]
    next: None = None


@router.get("", operation_id="listRecipes", summary="All recipes", responses=errors(401))
async def recipes(request: Request, _: Viewer) -> Recipes:
    """Every recipe with its settings; each also takes `cores`, `memory_mib` and `disk_gib`."""
    return Recipes(items=list(parts_of(request).catalog.recipes.values()))


@router.get("/{slug}", operation_id="getRecipe", summary="One recipe", responses=errors(401, 404))
async def recipe(request: Request, _: Viewer, slug: Annotated[str, Path(max_length=63, examples=["debian"])]) -> Recipe:
    """What it is made of, what it needs, and what may be set."""
    found = parts_of(request).catalog.recipes.get(slug)
    if found is None:
        raise Problem("not_found", "There is no such recipe.")
    return found

"""What every recipe made of an image holds to, beyond the schema and the model."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from proximity.domain.application.image import merged
from proximity.domain.application.spec import Spec
from proximity.domain.catalog.recipe import FromSetting, Recipe, Setting
from proximity.domain.catalog.settings import resolve
from proximity_simulator.images import KNOWN_SYSTEMS
from proximity_simulator.registry import Image, find, listening

CATALOG = Path(__file__).parents[3] / "catalog"
PINNED = re.compile(r"v?[0-9]+(\.[0-9]+)+")
LONG = 64  # characters that a person's own password may well have


def recipes() -> list[Recipe]:
    read = [Recipe.model_validate(yaml.safe_load(path.read_text())) for path in sorted(CATALOG.glob("*.yaml"))]
    return [recipe for recipe in read if recipe.runtime == "oci"]


@pytest.fixture(params=recipes(), ids=lambda recipe: recipe.slug)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    found = request.param
    assert isinstance(found, Recipe)
    return found


def image(recipe: Recipe) -> Image:
    assert recipe.image is not None
    found = find(recipe.image.reference)
    assert found is not None, "the simulator knows the image"
    return found


def sample(setting: Setting) -> str:
    """What somebody might give as a secret."""
    return "s" * max(setting.min or 0, 12)


def specs(recipe: Recipe) -> list[Spec]:
    """With what can be left out left out, and with every secret given."""
    secrets = [setting for setting in recipe.settings if setting.type == "secret"]
    needed = {setting.key: sample(setting) for setting in secrets if setting.required and not setting.generated}
    given = {setting.key: sample(setting) for setting in secrets}
    found = []
    for settings in (needed, given):
        resolved = resolve(recipe, settings)
        assert resolved.problems == ()
        keys = [*resolved.secrets_to_seal, *resolved.generated_needed]
        assert set(keys) >= {setting.key for setting in secrets if setting.generated or setting.key in settings}
        found.append(resolved.spec({key: f"sealed-{key}" for key in keys}))
    return found


def test_there_are_some() -> None:
    assert len(recipes()) >= 17


def test_the_tag_is_a_version_that_does_not_move(recipe: Recipe) -> None:
    assert recipe.image is not None
    assert PINNED.fullmatch(recipe.image.reference.rpartition(":")[2])


def test_every_setting_reaches_the_container(recipe: Recipe) -> None:
    sources = [*recipe.environment.values(), *(volume.size_gib for volume in recipe.volumes)]
    assert {source.setting for source in sources if isinstance(source, FromSetting)} == {
        setting.key for setting in recipe.settings
    }


def test_every_secret_is_a_variable_and_nothing_else(recipe: Recipe) -> None:
    for spec in specs(recipe):
        assert set(spec.secret_environment.values()) == spec.secrets.keys()
        assert not spec.settings.keys() & spec.secrets.keys()


def test_a_secret_is_neither_guessed_nor_cut_short(recipe: Recipe) -> None:
    for setting in recipe.settings:
        if setting.type == "secret":
            assert setting.min is not None
            assert setting.min >= 8
            assert setting.problem_with("x" * LONG) is None


def test_a_web_application_is_probed_where_people_open_it(recipe: Recipe) -> None:
    if recipe.web is None:
        assert recipe.probe.kind == "tcp"
    else:
        assert (recipe.probe.kind, recipe.probe.port) == ("http", recipe.web.port)
        assert recipe.probe.path.startswith("/")
        assert recipe.web.path.startswith("/")


def test_it_listens_where_the_probe_asks(recipe: Recipe) -> None:
    """As the simulator works it out: from the image and the container's environment."""
    found = image(recipe)
    own = dict(entry.partition("=")[::2] for entry in found.env)
    for spec in specs(recipe):
        environment = merged(own, spec.environment)
        config = {"env": "\0".join(f"{name}={value}" for name, value in environment.items())}
        assert listening(SimpleNamespace(image=found.saved(), config=config)) == [recipe.probe.port]


def test_no_process_needs_a_low_port(recipe: Recipe) -> None:
    """Some images run without root rights, and so may the simulator."""
    assert (recipe.probe.port or 0) >= 1024


def test_all_that_the_image_calls_data_is_a_volume(recipe: Recipe) -> None:
    paths = {volume.path for volume in recipe.volumes}
    assert paths >= {path.rstrip("/") for path in image(recipe).volumes}
    assert paths, "what a person enters outlives the image"


def test_the_disk_has_room_for_the_image(recipe: Recipe) -> None:
    assert recipe.resources.minimal.disk_gib * 1024 >= image(recipe).size * 1.25


def test_a_system_that_proxmox_does_not_know_is_left_alone(recipe: Recipe) -> None:
    assert (recipe.os == "unmanaged") == (image(recipe).system not in KNOWN_SYSTEMS)

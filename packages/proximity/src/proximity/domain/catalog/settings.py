"""A recipe with a person's settings filled in, and what is wrong with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proximity.domain.application.image import is_printable
from proximity.domain.application.spec import Resources, Spec
from proximity.domain.catalog.recipe import RESOURCE_KEYS, FromSetting, Recipe, RecipeVolume, Value

_UNITS = {"cores": "cores", "memory_mib": "MiB of memory", "disk_gib": "GiB of disk"}
# No node has more; a slip of the finger does.
_MOST = {"cores": 512, "memory_mib": 4 * 1024**2, "disk_gib": 64 * 1024}


@dataclass(frozen=True)
class Problem:
    """What is wrong with one setting, in words for a person. Never holds its value."""

    key: str
    message: str


@dataclass(frozen=True)
class Resolved:
    """A recipe with a person's settings filled in; usable if there are no problems.

    `secrets_to_seal` are values somebody gave, `generated_needed` the keys of those still to be made up.
    """

    recipe: Recipe
    resources: Resources
    spec_settings: dict[str, Value]
    secrets_to_seal: dict[str, str] = field(repr=False)
    generated_needed: tuple[str, ...]
    problems: tuple[Problem, ...]

    def spec(self, sealed: Mapping[str, str]) -> Spec:
        """`sealed`: key -> id in the vault, of every secret to be sealed and to be generated."""
        return Spec.model_validate(
            {
                "recipe": self.recipe.slug,
                "recipe_version": self.recipe.version,
                **self.recipe.model_dump(include={"runtime", "template", "image", "entrypoint", "os", "probe", "web"}),
                "resources": self.resources.model_dump(),
                "volumes": [{"path": volume.path, "size_gib": self._size(volume)} for volume in self.recipe.volumes],
                "environment": self._environment(),
                "secret_environment": {
                    name: value.setting
                    for name, value in self.recipe.environment.items()
                    if isinstance(value, FromSetting) and value.setting in sealed
                },
                # an image's processes need no namespaces of their own
                "nesting": self.recipe.runtime == "template",
                "settings": self.spec_settings,
                "secrets": dict(sealed),
            }
        )

    def _size(self, volume: RecipeVolume) -> int:
        if isinstance(volume.size_gib, FromSetting):
            return int(self.spec_settings[volume.size_gib.setting])
        return volume.size_gib

    def _environment(self) -> dict[str, str]:
        """Without what is secret."""
        environment = {}
        for name, value in self.recipe.environment.items():
            if not isinstance(value, FromSetting):
                environment[name] = value
            elif value.setting in self.spec_settings:
                environment[name] = _spelled(self.spec_settings[value.setting])
        return environment


def _spelled(value: Value) -> str:
    """As programs expect it in their environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def resolve(recipe: Recipe, settings: Mapping[str, object]) -> Resolved:
    """Fill in what a person set (recipe settings, and `cores`, `memory_mib`, `disk_gib`). Empty text is unset."""
    given = {key: value for key, value in settings.items() if value not in (None, "")}
    known = {*RESOURCE_KEYS, *(setting.key for setting in recipe.settings)}
    problems = [Problem(key, f"{recipe.name} has no such setting.") for key in sorted(given.keys() - known)]
    resources, short = _resources(recipe, given)
    problems += short
    values: dict[str, Value] = {}
    secrets: dict[str, str] = {}
    generated: list[str] = []
    variables = {value.setting for value in recipe.environment.values() if isinstance(value, FromSetting)}
    for setting in recipe.settings:
        value = given.get(setting.key, setting.default)
        if value is None:
            if setting.generated:
                generated.append(setting.key)
            elif setting.required:
                problems.append(Problem(setting.key, f"{setting.label} is needed."))
        elif problem := setting.problem_with(value):
            problems.append(Problem(setting.key, problem))
        elif setting.key in variables and not is_printable(str(value)):
            unfit = f"{setting.label} must be a single line without control characters: it becomes a variable."
            problems.append(Problem(setting.key, unfit))
        elif setting.type == "secret":
            secrets[setting.key] = str(value)
        elif isinstance(value, str | int):
            values[setting.key] = value
    return Resolved(recipe, resources, values, secrets, tuple(generated), tuple(problems))


def _resources(recipe: Recipe, given: Mapping[str, object]) -> tuple[Resources, list[Problem]]:
    chosen = recipe.resources.default.model_dump()
    problems = []
    for key in RESOURCE_KEYS:
        value = given.get(key, chosen[key])
        least, most = getattr(recipe.resources.minimal, key), _MOST[key]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            problems.append(Problem(key, f"{recipe.name} takes {least} to {most} {_UNITS[key]}."))
        else:
            chosen[key] = value
    return Resources(**chosen), problems

"""A recipe: how an application is made, and what a person may set of it. Reading the files is done elsewhere."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from proximity.domain.application.image import Image, MountPath, Printable, Variable
from proximity.domain.application.spec import Probe, Resources, Runtime, Template, WebAddress

Value = str | int | bool
Type = Literal["string", "integer", "boolean", "secret", "text"]
Text = Annotated[str, Field(min_length=1, max_length=2000)]

# Every application takes these, whatever its recipe says.
RESOURCE_KEYS = ("cores", "memory_mib", "disk_gib")


# a recipe that says "80" where 80 is meant, or says something nobody reads, is wrong
_EXACT = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Part(BaseModel):
    model_config = _EXACT


class RecipeTemplate(Template):
    model_config = _EXACT

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.+~-]*$")]


class RecipeImage(Image):
    """A tag that moves would make two containers of one recipe differ."""

    model_config = _EXACT

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.reference.endswith(":latest"):
            raise ValueError("latest is another image every day: name a version")
        return self


class FromSetting(_Part):
    """Whatever the setting with this key is."""

    setting: str


class RecipeVolume(_Part):
    """`size_gib` in GiB; of an integer setting with a default, if a person may choose it."""

    path: MountPath
    size_gib: Annotated[int, Field(ge=1)] | FromSetting


class RecipeProbe(Probe):
    model_config = _EXACT


class RecipeWeb(WebAddress):
    model_config = _EXACT


class Amounts(Resources):
    model_config = _EXACT


class Setting(_Part):
    """`min`, `max`: of an integer its value, of the others their length. `generated`: made up if nobody gives it."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    label: Text
    help: str = ""
    type: Type
    required: bool = False
    generated: bool = False
    default: Value | None = None
    min: int | None = None
    max: int | None = None
    pattern: str | None = None
    options: Annotated[list[str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.key in RESOURCE_KEYS:
            raise ValueError(f"{self.key} is taken: every application has that setting")
        if self.generated and self.type != "secret":
            raise ValueError("only a secret can be generated")
        if self.type == "secret" and self.default is not None:
            raise ValueError("a secret has no default: everybody could read it")
        if self.options is not None and self.type != "string":
            raise ValueError("only a string has options")
        if self.pattern is not None:
            if self.type in ("integer", "boolean"):
                raise ValueError(f"a pattern says nothing about a {self.type}")
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"the pattern is none: {error}") from error
        if self.type == "boolean" and (self.min is not None or self.max is not None):
            raise ValueError("a boolean has no min and no max")
        if self.default is not None and (problem := self.problem_with(self.default)):
            raise ValueError(f"the default does not fit: {problem}")
        return self

    def problem_with(self, value: object) -> str | None:
        """Why this value cannot be taken. Never quotes it: it may be a secret."""
        match self.type:
            case "integer":
                if not isinstance(value, int) or isinstance(value, bool):
                    return f"{self.label} must be a whole number."
                return self._out_of_range(value, "")
            case "boolean":
                return None if isinstance(value, bool) else f"{self.label} must be true or false."
            case "string" | "secret" | "text":
                return self._problem_with_text(value)

    def _problem_with_text(self, value: object) -> str | None:
        if not isinstance(value, str):
            return f"{self.label} must be text."
        if self.type != "text" and not value.isprintable():
            return f"{self.label} must be a single line without control characters."
        if self.options is not None and value not in self.options:
            return f"{self.label} must be one of: {', '.join(self.options)}."
        if self.pattern is not None and not re.search(self.pattern, value):
            return f"{self.label} does not have the expected form."
        return self._out_of_range(len(value), " characters")

    def _out_of_range(self, number: int, unit: str) -> str | None:
        if self.min is not None and number < self.min:
            return f"{self.label} must be at least {self.min}{unit}."
        if self.max is not None and number > self.max:
            return f"{self.label} must be at most {self.max}{unit}."
        return None


class RecipeResources(_Part):
    minimal: Amounts
    default: Amounts

    @model_validator(mode="after")
    def _enough(self) -> Self:
        short = [key for key in RESOURCE_KEYS if getattr(self.default, key) < getattr(self.minimal, key)]
        if short:
            raise ValueError(f"the default is below the minimum: {', '.join(short)}")
        return self


class Recipe(_Part):
    """`version` is the recipe's own; `docs` is where the application itself is described.

    `environment`: variable -> its value, or the setting it comes from; one that nobody set is left out.
    """

    slug: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=63)]
    name: Text
    version: Text
    description: Text
    categories: Annotated[list[Text], Field(min_length=1)]
    licence: Text
    docs: Annotated[str, Field(pattern=r"^https://\S+$")]
    runtime: Runtime
    template: RecipeTemplate | None = None
    image: RecipeImage | None = None
    resources: RecipeResources
    volumes: list[RecipeVolume] = []
    environment: dict[Variable, Printable | FromSetting] = {}
    entrypoint: Annotated[Printable, Field(min_length=1)] | None = None
    os: Literal["auto", "unmanaged"] = "auto"
    probe: RecipeProbe = RecipeProbe()
    web: RecipeWeb | None = None
    settings: list[Setting] = []

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        keys = [setting.key for setting in self.settings]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"settings named twice: {', '.join(twice)}")
        if (self.probe.kind == "none") != (self.probe.port is None):
            raise ValueError("a probe needs a port, and no probe has none")
        return self

    @model_validator(mode="after")
    def _of_its_runtime(self) -> Self:
        wanted, other = ("template", "image") if self.runtime == "template" else ("image", "template")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"the runtime {self.runtime} needs a {wanted} and no {other}")
        if self.runtime == "template" and (self.volumes or self.environment or self.entrypoint or self.os != "auto"):
            raise ValueError("volumes, environment, entrypoint and os belong to an image")
        if len({volume.path for volume in self.volumes}) < len(self.volumes):
            raise ValueError("two volumes have the same path")
        known = {setting.key: setting for setting in self.settings}
        for volume in self.volumes:
            if isinstance(volume.size_gib, FromSetting) and not _is_size(known.get(volume.size_gib.setting)):
                raise ValueError(f"the size of {volume.path} needs an integer setting with a default and a min of 1")
        for name, value in self.environment.items():
            if isinstance(value, FromSetting) and value.setting not in known:
                raise ValueError(f"{name} comes from a setting that is not there: {value.setting}")
        return self


def _is_size(setting: Setting | None) -> bool:
    return setting is not None and setting.type == "integer" and setting.default is not None and (setting.min or 0) >= 1

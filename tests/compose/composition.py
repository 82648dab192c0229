"""compose.yaml and the Dockerfile as what they say: services, variables, mounts, folders of the image."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
COMPOSE_FILE = REPOSITORY / "compose.yaml"
DOCKERFILE = REPOSITORY / "Dockerfile"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


@dataclass(frozen=True)
class Service:
    """`mounts`: by the path in the container, the volume."""

    name: str
    said: Mapping[str, Any] = field(repr=False)
    mounts: Mapping[str, str]
    read_only: frozenset[str]

    @property
    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.said.get("environment", {}).items()}

    @property
    def networks(self) -> frozenset[str]:
        return frozenset(self.said.get("networks", ()))

    @property
    def built_of(self) -> str | None:
        """The folder of services/ or packages/ that its image is built of."""
        build = self.said.get("build")
        return str(build["args"]["SERVICE"]) if build else None


@dataclass(frozen=True)
class Composition:
    said: Mapping[str, Any] = field(repr=False)
    services: Mapping[str, Service]


def read(variables: Mapping[str, str] | None = None) -> Composition:
    """With the variables filled in; those that are not given have their defaults."""
    said = interpolated(yaml.safe_load(COMPOSE_FILE.read_text()), variables or {})
    return Composition(said, {name: _service(name, body) for name, body in said["services"].items()})


def interpolated(said: Any, variables: Mapping[str, str]) -> Any:
    """Values only, after the file was read: an empty one stays a text."""
    match said:
        case str():
            return _VARIABLE.sub(lambda found: variables.get(found["name"], found["default"] or ""), said)
        case dict():
            return {name: interpolated(value, variables) for name, value in said.items()}
        case list():
            return [interpolated(value, variables) for value in said]
    return said


def variables_of_the_file() -> set[str]:
    """What a person may set."""
    return {found["name"] for found in _VARIABLE.finditer(COMPOSE_FILE.read_text())}


def image_environment(target: str) -> dict[str, str]:
    """The variables of ours that the Dockerfile sets in that target."""
    return dict(re.findall(r"(PROXIMITY_\w+)=(\S+)", _stage(target)))


def image_folders() -> set[str]:
    """Those that the launcher's image has for volumes, with the owner that a new volume is to get."""
    made = re.search(r"^RUN install --directory --owner=10001(.*?[^\\])$", _stage("launcher"), re.M | re.S)
    assert made
    return set(re.findall(r"/volumes/[\w-]+", made[1]))


def copied(target: str) -> list[str]:
    """What it takes as it is of the checkout or of another stage, but for what pip has installed there."""
    return [line for line in re.findall(r"^COPY (.*)$", _stage(target), re.M) if "--from=installed" not in line]


def copied_from_the_checkout() -> set[str]:
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE.read_text(), re.M)
    return {source for line in lines for source in line.split() if not source.startswith("--")}


def _stage(target: str) -> str:
    stage = re.search(rf"^FROM \S+ AS {target}\n(.*?)(?=^FROM |\Z)", DOCKERFILE.read_text(), re.M | re.S)
    assert stage, target
    return stage[1]


def _service(name: str, body: Mapping[str, Any]) -> Service:
    mounts = [volume.split(":") for volume in body.get("volumes", ())]
    return Service(
        name,
        body,
        {target: volume for volume, target, *_ in mounts},
        frozenset(target for _, target, *mode in mounts if mode == ["ro"]),
    )

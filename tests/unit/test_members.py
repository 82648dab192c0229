"""Each member of the workspace declares what it imports: an image holds what is declared, and nothing else."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]
MEMBERS = {path.parent.name: path.parent for path in REPOSITORY.glob("*/*/pyproject.toml")}
PROVIDERS = packages_distributions()
# for tests: only pytest loads it
NOT_OF_THE_IMAGE = {"pytest_plugin.py"}


def spelled(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(member: Path, extras: set[str]) -> list[Requirement]:
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *(t for extra in extras for t in project["optional-dependencies"][extra])]
    return [Requirement(text) for text in texts]


def installed_with(member: Path, extras: set[str]) -> set[str]:
    """The distributions that installing it brings along."""
    brought: set[tuple[str, frozenset[str]]] = set()
    waiting = declared(member, extras)
    while waiting:
        requirement = waiting.pop()
        name, chosen = spelled(requirement.name), frozenset(requirement.extras)
        if (name, chosen) in brought:
            continue
        brought.add((name, chosen))
        if name == "proximity-core":
            waiting += declared(MEMBERS["proximity"], requirement.extras)
        else:
            waiting += [r for r in map(Requirement, requires(name) or ()) if wanted(r, requirement.extras)]
    return {name for name, _ in brought}


def wanted(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def imported(file: Path) -> set[str]:
    """Full names of the modules it imports when it is loaded or later."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def all_imported(member: Path) -> set[str]:
    """By its own modules, and by those of the shared library that it reaches."""
    core = MEMBERS["proximity"] / "src"
    waiting = [file for file in (member / "src").rglob("*.py") if file.name not in NOT_OF_THE_IMAGE]
    seen: set[Path] = set()
    names: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            found = imported(file)
            names |= found
            shared = [core / name.replace(".", "/") for name in found if name.startswith("proximity.")]
            waiting += [
                each for place in shared for each in (place.with_suffix(".py"), place / "__init__.py") if each.exists()
            ]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_declares_what_it_imports(name: str) -> None:
    member = MEMBERS[name]
    own = {path.name for path in (member / "src").iterdir()} | {"proximity"}
    optional = set(tomllib.loads((member / "pyproject.toml").read_text())["project"].get("optional-dependencies", {}))
    # the shared library's extras are chosen by who uses it
    there = installed_with(member, optional if name == "proximity" else set())
    foreign = all_imported(member) - own - sys.stdlib_module_names
    missing = {module for module in foreign if not {spelled(d) for d in PROVIDERS.get(module, [module])} & there}
    assert missing == set()

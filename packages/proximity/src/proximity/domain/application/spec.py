"""What is to be deployed: a recipe with its settings filled in; complete, whatever the catalog says later."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Resources(_Value):
    """`memory_mib` in MiB, `disk_gib` (root disk) in GiB."""

    cores: int = Field(ge=1, le=512)
    memory_mib: int = Field(ge=16)
    disk_gib: int = Field(ge=1)


class Template(_Value):
    """A system or TurnKey template as `pveam` names it: `<name>_<version>_<arch>.tar.zst`."""

    name: str
    version: str


class Probe(_Value):
    """How to see that the application answers. `none`: an address is enough."""

    kind: Literal["none", "tcp", "http"] = "none"
    port: int | None = Field(default=None, ge=1, le=65535)
    path: str = "/"


class WebAddress(_Value):
    """Where a person opens the application, at the container's address."""

    scheme: Literal["http", "https"] = "http"
    port: int = Field(ge=1, le=65535)
    path: str = "/"


class Spec(_Value):
    recipe: str
    recipe_version: str
    runtime: Literal["template"]
    template: Template
    resources: Resources
    probe: Probe = Probe()
    web: WebAddress | None = None
    nesting: bool = True
    bridge: str = "vmbr0"
    settings: dict[str, str | int | bool] = {}
    # name of the setting -> id of the sealed value in the vault
    secrets: dict[str, str] = {}

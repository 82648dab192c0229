"""What is to be deployed: a recipe with its settings filled in; complete, whatever the catalog says later."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from proximity.domain.application.image import Image, Printable, Variable, Volume

Runtime = Literal["template", "oci", "adopted"]


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
    """`runtime` template: a system container of `template`. oci: of `image`, with its data in `volumes`, `environment`
    over the image's and `entrypoint` instead of it; `os` unmanaged: Proxmox writes nothing into it. adopted: it was
    there before, and `resources` are what it had.

    `secrets`: name of the setting -> id of the sealed value in the vault; `secret_environment`: variable -> that name.
    """

    recipe: str
    recipe_version: str
    runtime: Runtime
    template: Template | None = None
    image: Image | None = None
    resources: Resources
    volumes: tuple[Volume, ...] = ()
    environment: dict[Variable, Printable] = {}
    secret_environment: dict[Variable, str] = {}
    entrypoint: Printable | None = None
    os: Literal["auto", "unmanaged"] = "auto"
    probe: Probe = Probe()
    web: WebAddress | None = None
    nesting: bool = True
    bridge: str = "vmbr0"
    settings: dict[str, str | int | bool] = {}
    secrets: dict[str, str] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.template is not None, self.image is not None) != (self.runtime == "template", self.runtime == "oci"):
            raise ValueError("the runtime template needs a template, oci an image, and neither the other's")
        if len({volume.path for volume in self.volumes}) < len(self.volumes):
            raise ValueError("two volumes have the same path")
        if self.environment.keys() & self.secret_environment.keys():
            raise ValueError("a variable has two values")
        if unknown := set(self.secret_environment.values()) - self.secrets.keys():
            raise ValueError(f"there are no such secrets: {', '.join(sorted(unknown))}")
        return self

    @property
    def disk_gib(self) -> int:
        """The root disk and all volumes."""
        return self.resources.disk_gib + sum(volume.size_gib for volume in self.volumes)

"""Applications made of images."""

from typing import Any

from proximity.domain.application.image import Image, Volume
from proximity.domain.application.spec import Probe, Resources, Spec

VAULTWARDEN = Spec(
    recipe="vaultwarden",
    recipe_version="1",
    runtime="oci",
    image=Image(reference="docker.io/vaultwarden/server:1.32.5"),
    resources=Resources(cores=1, memory_mib=256, disk_gib=2),
    volumes=(Volume(path="/data", size_gib=3),),
    environment={"ROCKET_PORT": "8080", "SIGNUPS_ALLOWED": "false"},
    probe=Probe(kind="http", port=8080, path="/alive"),
    nesting=False,
)
ARCHIVE = "docker.io_vaultwarden_server_1.32.5-76fe8d472d04.tar"


def of_image(reference: str, **changes: Any) -> Spec:
    """Without volumes, environment and probe."""
    return Spec(
        recipe="image",
        recipe_version="1",
        runtime="oci",
        image=Image(reference=reference),
        resources=Resources(cores=1, memory_mib=128, disk_gib=1),
        nesting=False,
    ).model_copy(update=changes)

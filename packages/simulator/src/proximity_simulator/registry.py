"""Container images that the simulated nodes find in registries."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Image:
    """As in the image's OCI configuration. `system`: ID of its os-release, "" if it has none. `size`: MiB.

    `port`: where its program listens, or what the variable `port_variable` says.
    """

    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    env: Sequence[str] = ()
    user: str = ""
    folder: str = ""
    stop_signal: str = ""
    volumes: Sequence[str] = ()
    system: str = "debian"
    size: int = 60
    port: int | None = None
    port_variable: str = ""
    tags: Sequence[str] = field(default=("latest",))

    def saved(self) -> dict[str, Any]:
        return asdict(self)


PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IMAGES = {
    "docker.io/library/nginx": Image(
        ("/docker-entrypoint.sh",), ("nginx", "-g", "daemon off;"), (PATH, "NGINX_VERSION=1.27.5"),
        stop_signal="SIGQUIT", size=192, port=80, tags=("latest", "1.27", "1.27.3", "1.27.5", "alpine"),
    ),
    "docker.io/library/redis": Image(
        ("docker-entrypoint.sh",), ("redis-server",), (PATH, "REDIS_VERSION=7.4.2"), folder="/data",
        volumes=("/data",), size=117, port=6379, tags=("latest", "7", "7.4", "7.4.2"),
    ),
    "docker.io/library/postgres": Image(
        ("docker-entrypoint.sh",), ("postgres",), (PATH, "LANG=en_US.utf8", "PG_MAJOR=17"), stop_signal="SIGINT",
        volumes=("/var/lib/postgresql/data",), size=438, port=5432, tags=("latest", "17", "17.2", "16"),
    ),
    "docker.io/library/alpine": Image(cmd=("/bin/sh",), env=(PATH,), system="alpine", size=8, tags=("latest", "3.22")),
    "docker.io/library/debian": Image(cmd=("bash",), env=(PATH,), size=117, tags=("latest", "12", "13")),
    "docker.io/library/hello-world": Image(cmd=("/hello",), env=(PATH,), folder="/", system="", size=1),
    "docker.io/traefik/whoami": Image(("/whoami",), env=(PATH,), system="", size=7, port=80, tags=("latest", "v1.11")),
    "docker.io/vaultwarden/server": Image(
        cmd=("/start.sh",), env=(PATH, "ROCKET_PORT=80", "ROCKET_PROFILE=release"), folder="/", volumes=("/data",),
        size=251, port=80, port_variable="ROCKET_PORT", tags=("latest", "1.32.5", "1.34.1"),
    ),
    "docker.io/gitea/gitea": Image(
        ("/usr/bin/entrypoint",), ("/usr/bin/s6-svscan", "/etc/s6"), (PATH, "USER=git", "GITEA_CUSTOM=/data/gitea"),
        volumes=("/data",), system="alpine", size=176, port=3000, tags=("latest", "1.22.6", "1.24"),
    ),
    "docker.io/grafana/grafana": Image(
        ("/run.sh",), env=(PATH, "GF_PATHS_DATA=/var/lib/grafana"), user="472", folder="/usr/share/grafana",
        system="alpine", size=486, port=3000, tags=("latest", "12.0.0"),
    ),
    "cgr.dev/chainguard/nginx": Image(
        ("/usr/sbin/nginx",), ("-c", "/etc/nginx/nginx.conf"), (PATH,), user="65532", system="wolfi", size=22,
    ),
}  # fmt: skip


def repository(reference: str) -> str:
    """The full name, without the tag: `nginx:1` is one of docker.io/library."""
    head, _, tail = reference.rpartition(":")
    name = reference if not head or "/" in tail else head
    host, slash, path = name.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return f"docker.io/library/{path}" if host == "docker.io" and "/" not in path else name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def find(reference: str) -> Image | None:
    """The image with that tag."""
    image = IMAGES.get(repository(reference))
    return image if image and reference.rpartition(":")[2] in image.tags else None


def listening(container: Any) -> list[int]:
    """The ports at which the program of a container made of an image answers."""
    image = getattr(container, "image", None)
    if not image or not image["port"]:
        return []
    environment = dict(entry.partition("=")[::2] for entry in str(container.config.get("env", "")).split("\0"))
    named = environment.get(image["port_variable"], "")
    return [int(named) if named.isdecimal() else int(image["port"])]

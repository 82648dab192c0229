"""Container images that the simulated nodes find in registries."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Image:
    """As in the image's OCI configuration. `system`: ID of its os-release, "" if it has none. `size`: MiB.

    `port`: where its program listens, or what the variable `port_variable` says, as a port or as `host:port`.
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
        system="alpine", size=486, port=3000, tags=("latest", "12.0.0", "12.3.1"),
    ),
    "docker.io/nginxinc/nginx-unprivileged": Image(
        ("/docker-entrypoint.sh",), ("nginx", "-g", "daemon off;"), (PATH, "NGINX_VERSION=1.29.2"), user="101",
        stop_signal="SIGQUIT", size=192, port=8080, tags=("latest", "1.29", "1.29.2"),
    ),
    "docker.io/louislam/uptime-kuma": Image(
        ("/usr/bin/dumb-init", "--"), ("node", "server/server.js"), (PATH, "UPTIME_KUMA_IS_CONTAINER=1"),
        folder="/app", volumes=("/app/data",), size=1290, port=3001, port_variable="UPTIME_KUMA_PORT",
        tags=("latest", "2", "2.0.2"),
    ),
    "docker.io/jellyfin/jellyfin": Image(
        ("/jellyfin/jellyfin",), env=(PATH, "JELLYFIN_DATA_DIR=/config", "JELLYFIN_CACHE_DIR=/cache"),
        volumes=("/cache", "/config"), size=1240, port=8096, tags=("latest", "10.11", "10.11.10"),
    ),
    "ghcr.io/home-assistant/home-assistant": Image(
        ("/init",), env=(PATH, "S6_SERVICES_GRACETIME=240000", "LANG=C.UTF-8"), folder="/config", system="alpine",
        size=2050, port=8123, tags=("latest", "stable", "2025.12", "2025.12.4"),
    ),
    "docker.io/neosmemo/memos": Image(
        ("./entrypoint.sh", "./memos"), env=(PATH, "MEMOS_MODE=prod", "MEMOS_PORT=5230", "TZ=UTC"),
        folder="/usr/local/memos", volumes=("/var/opt/memos",), system="alpine", size=62, port=5230,
        port_variable="MEMOS_PORT", tags=("latest", "stable", "0.26", "0.26.2"),
    ),
    "ghcr.io/advplyr/audiobookshelf": Image(
        ("tini", "--"), ("node", "index.js"), (PATH, "PORT=80", "CONFIG_PATH=/config", "METADATA_PATH=/metadata"),
        folder="/app", system="alpine", size=310, port=80, port_variable="PORT", tags=("latest", "2.33.0"),
    ),
    "docker.io/deluan/navidrome": Image(
        ("/app/navidrome",), env=(PATH, "ND_MUSICFOLDER=/music", "ND_DATAFOLDER=/data", "ND_PORT=4533"), folder="/app",
        volumes=("/data", "/music"), system="alpine", size=290, port=4533, port_variable="ND_PORT",
        tags=("latest", "0.59.0"),
    ),
    "docker.io/syncthing/syncthing": Image(
        ("/bin/entrypoint.sh", "/bin/syncthing", "-home", "/var/syncthing/config"),
        env=(PATH, "PUID=1000", "PGID=1000", "HOME=/var/syncthing", "STGUIADDRESS=0.0.0.0:8384"),
        volumes=("/var/syncthing",), system="alpine", size=44, port=8384, port_variable="STGUIADDRESS",
        tags=("latest", "2", "2.0", "2.0.15"),
    ),
    "docker.io/binwiederhier/ntfy": Image(
        ("ntfy",), env=(PATH,), system="alpine", size=60, port=80, port_variable="NTFY_LISTEN_HTTP",
        tags=("latest", "v2", "v2.15.0"),
    ),
    "docker.io/sissbruecker/linkding": Image(
        cmd=("./bootstrap.sh",), env=(PATH, "VIRTUAL_ENV=/etc/linkding/.venv", "UWSGI_MAX_FD=4096"),
        folder="/etc/linkding", size=420, port=9090, port_variable="LD_SERVER_PORT", tags=("latest", "1.45.0"),
    ),
    "ghcr.io/mealie-recipes/mealie": Image(
        ("/app/run.sh",), env=(PATH, "MEALIE_HOME=/app", "PRODUCTION=true", "APP_PORT=9000", "HOST=0.0.0.0"),
        volumes=("/app/data/",), size=880, port=9000, tags=("latest", "v3.9.2"),
    ),
    "docker.io/actualbudget/actual-server": Image(
        ("/usr/bin/tini", "-g", "--"), ("node", "build/app.js"), (PATH, "NODE_ENV=production"), folder="/app",
        size=410, port=5006, port_variable="ACTUAL_PORT", tags=("latest", "25.12.0"),
    ),
    "docker.io/library/mariadb": Image(
        ("docker-entrypoint.sh",), ("mariadbd",), (PATH, "LANG=C.UTF-8", "MARIADB_VERSION=1:11.8.5+maria~ubu2404"),
        volumes=("/var/lib/mysql",), system="ubuntu", size=330, port=3306, tags=("latest", "lts", "11.8", "11.8.5"),
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
    named = environment.get(image["port_variable"], "").rpartition(":")[2]
    return [int(named) if named.isdecimal() else int(image["port"])]

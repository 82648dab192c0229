"""What a guest probably runs, by its name, tags and template. A guess, shown as one."""

from collections.abc import Sequence

# as they are found in names, without punctuation -> the app and the port it usually answers on (None: not HTTP)
_APPS: dict[str, tuple[str, int | None]] = {
    "proxmoxbackup": ("proxmox-backup-server", 8007),
    "homeassistant": ("home-assistant", 8123),
    "haos": ("home-assistant", 8123),
    "adguard": ("adguard", 80),
    "audiobookshelf": ("audiobookshelf", 13378),
    "changedetection": ("changedetection", 5000),
    "codeserver": ("code-server", 8080),
    "dockge": ("dockge", 5001),
    "emby": ("emby", 8096),
    "forgejo": ("forgejo", 3000),
    "freshrss": ("freshrss", 80),
    "frigate": ("frigate", 5000),
    "gitea": ("gitea", 3000),
    "gitlab": ("gitlab", 80),
    "grafana": ("grafana", 3000),
    "homarr": ("homarr", 7575),
    "immich": ("immich", 2283),
    "influxdb": ("influxdb", 8086),
    "jellyfin": ("jellyfin", 8096),
    "jellyseerr": ("jellyseerr", 5055),
    "keycloak": ("keycloak", 8080),
    "mariadb": ("mariadb", None),
    "mealie": ("mealie", 9000),
    "memos": ("memos", 5230),
    "minecraft": ("minecraft", None),
    "minio": ("minio", 9001),
    "mosquitto": ("mosquitto", None),
    "mysql": ("mysql", None),
    "navidrome": ("navidrome", 4533),
    "nextcloud": ("nextcloud", 80),
    "nginxproxymanager": ("nginx-proxy-manager", 81),
    "nodered": ("node-red", 1880),
    "ntfy": ("ntfy", 80),
    "paperless": ("paperless-ngx", 8000),
    "pihole": ("pihole", 80),
    "plex": ("plex", 32400),
    "portainer": ("portainer", 9443),
    "postgres": ("postgresql", None),
    "prometheus": ("prometheus", 9090),
    "prowlarr": ("prowlarr", 9696),
    "qbittorrent": ("qbittorrent", 8080),
    "radarr": ("radarr", 7878),
    "redis": ("redis", None),
    "sonarr": ("sonarr", 8989),
    "syncthing": ("syncthing", 8384),
    "traefik": ("traefik", 8080),
    "truenas": ("truenas", 443),
    "unifi": ("unifi", 8443),
    "uptimekuma": ("uptime-kuma", 3001),
    "vaultwarden": ("vaultwarden", 8000),
    "vikunja": ("vikunja", 3456),
    "wireguard": ("wireguard", None),
    "zigbee2mqtt": ("zigbee2mqtt", 8080),
    "bookstack": ("bookstack", 80),
    "caddy": ("caddy", 80),
    "nginx": ("nginx", 80),
}
# too short to be looked for inside of other words
_WHOLE: dict[str, tuple[str, int | None]] = {
    "pbs": ("proxmox-backup-server", 8007),
    "hass": ("home-assistant", 8123),
    "npm": ("nginx-proxy-manager", 81),
}


def guess(name: str | None, tags: Sequence[str]) -> tuple[str | None, int | None]:
    """App and port; (None, None): no idea. The name counts more than the tags."""
    for words in (name or "", *tags):
        if words.lower() in _WHOLE:
            return _WHOLE[words.lower()]
        plain = "".join(letter for letter in words.lower() if letter.isalnum())
        for app, found in _APPS.items():
            if app in plain:
                return found
    return None, None

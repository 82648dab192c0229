"""The api's settings, from variables `PROXIMITY_…`. Secrets come in files, never in variables."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Times in seconds. `secure_cookies`: TLS ends before us, so that cookies must be Secure although we speak http."""

    model_config = SettingsConfigDict(env_prefix="PROXIMITY_", extra="ignore")

    nats_url: str
    nats_user: str = "api"
    nats_password_file: Path
    database_url: str
    database_password_file: Path
    vault_key_file: Path
    setup_token_file: Path
    catalog: Path
    # the built pages
    frontend: Path = Path("frontend/build")
    host: str = "127.0.0.1"
    port: int = 8080
    log_level: str = "info"
    secure_cookies: bool = False
    # whose X-Forwarded-For and -Proto are believed: addresses or networks with commas, * where nobody else gets here
    trusted_proxies: str = ""

    session_idle: float = 2 * 3600
    session_absolute: float = 12 * 3600
    # how long an ended session may still be honoured by another replica
    session_cache: float = 5
    stream_heartbeat: float = Field(default=10, le=15)
    # changes a client may be behind before it is sent away (it comes back with its last id)
    stream_queue: int = 1000

    # the ready file of a simulator, which is there as long as that runs
    simulator_file: Path | None = None

    offered_url: str = ""
    offered_token_id: str = ""
    offered_token_secret_file: Path | None = None
    offered_fingerprint: str = ""
    offered_ca_file: Path | None = None

    def nats_password(self) -> str:
        return read_secret(self.nats_password_file)

    def database_password(self) -> SecretStr:
        return SecretStr(read_secret(self.database_password_file))

    def setup_token(self) -> str:
        return read_secret(self.setup_token_file)


def read_secret(path: Path) -> str:
    """A file's content without the newline that editors leave at its end."""
    return path.read_text().strip()

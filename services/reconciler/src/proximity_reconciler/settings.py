"""What the reconciler is told by its environment (`PROXIMITY_…`)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Times in seconds. `look_every`: between two lists of a cluster; it and the other times grow where the requests of
    a minute do not suffice.
    """

    model_config = SettingsConfigDict(env_prefix="PROXIMITY_", extra="ignore")

    nats_url: str
    nats_user: str = "reconciler"
    nats_password_file: Path
    vault_key_file: Path
    health_host: str = "127.0.0.1"
    health_port: int = 0
    log_level: str = "info"

    sweep_every: float = Field(default=1.0, gt=0)
    look_every: float = Field(default=5.0, gt=0)
    tasks_every: float = Field(default=2.0, gt=0)
    members_every: float = Field(default=30.0, gt=0)
    rights_every: float = Field(default=300.0, gt=0)
    # to one cluster, however much there is to see
    requests_a_minute: int = Field(default=45, ge=15)
    # looks in a row that must fail before a cluster counts as unreachable
    failures: int = Field(default=3, ge=1)

    def nats_password(self) -> str:
        return self.nats_password_file.read_text(encoding="utf-8").strip()

"""What the reconciler is told by its environment (`PROXIMITY_…`)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Times in seconds. `look_every`: one look is two requests to Proxmox, so 4 s make 30 of the 45 a minute."""

    model_config = SettingsConfigDict(env_prefix="PROXIMITY_", extra="ignore")

    nats_url: str
    nats_user: str = "reconciler"
    nats_password_file: Path
    vault_key_file: Path
    health_port: int = 0
    log_level: str = "info"

    sweep_every: float = Field(default=1.0, gt=0)
    look_every: float = Field(default=4.0, gt=0)
    # looks in a row that must fail before a cluster counts as unreachable
    failures: int = Field(default=3, ge=1)

    def nats_password(self) -> str:
        return self.nats_password_file.read_text(encoding="utf-8").strip()

"""What the provisioner is told by its environment (`PROXIMITY_…`)."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from proximity.domain.application.process import SETTLE


class Settings(BaseSettings):
    """`per_node`, `per_storage`: how many creates, downloads, starts and destroys at the same time."""

    model_config = SettingsConfigDict(env_prefix="PROXIMITY_")

    nats_url: str
    nats_user: str = "provisioner"
    nats_password_file: Path
    vault_key_file: Path
    health_host: str = "127.0.0.1"
    health_port: int = 0
    log_level: str = "INFO"

    settle_seconds: float = Field(default=SETTLE.total_seconds(), ge=0)
    # the first look for evidence finds the task of a call that lost its answer; only then is the call repeated
    repeat_after_seconds: float = Field(default=5.0, ge=0)
    per_node: int = Field(default=4, ge=1)
    per_storage: int = Field(default=2, ge=1)
    at_once: int = Field(default=32, ge=1)
    dead_letter_after: int = Field(default=6, ge=1)
    shutdown_timeout_seconds: int = Field(default=60, ge=1)

    @property
    def settle(self) -> timedelta:
        return timedelta(seconds=self.settle_seconds)

    @property
    def repeat_after(self) -> timedelta:
        return timedelta(seconds=self.repeat_after_seconds)

    def nats_password(self) -> str:
        return self.nats_password_file.read_text(encoding="utf-8").strip()

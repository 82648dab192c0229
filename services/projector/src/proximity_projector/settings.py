"""What the projector is told by its environment (`PROXIMITY_…`)."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`health_port` 0: health is not served."""

    model_config = SettingsConfigDict(env_prefix="PROXIMITY_")

    nats_url: str
    nats_user: str = "projector"
    nats_password_file: Path
    database_url: str
    database_password_file: Path
    health_host: str = "127.0.0.1"
    health_port: int = 0
    log_level: str = "INFO"

    def nats_password(self) -> str:
        return self.nats_password_file.read_text(encoding="utf-8").strip()

    def database_password(self) -> str:
        return self.database_password_file.read_text(encoding="utf-8").strip()

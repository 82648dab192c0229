"""The simulated Proxmox VE that runs beside us, as it says itself in its ready file."""

from pydantic import BaseModel, SecretStr, ValidationError

from proximity_api.settings import Settings


class Simulator(BaseModel):
    url: str
    token_id: str
    token_secret: SecretStr
    fingerprint: str


def running(settings: Settings) -> Simulator | None:
    """None: there is none, or it is not ready."""
    if settings.simulator_file is None:
        return None
    try:
        return Simulator.model_validate_json(settings.simulator_file.read_bytes())
    except (OSError, ValidationError):
        return None

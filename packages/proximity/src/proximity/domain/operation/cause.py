"""Why something failed, in a form a person can act on."""

from pydantic import BaseModel, ConfigDict


class Cause(BaseModel):
    """`code` is stable (for programs), `message` is ours (for people), `proxmox` is Proxmox's own words, unchanged."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    proxmox: str = ""

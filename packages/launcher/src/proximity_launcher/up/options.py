"""What `proximity up` is told, by variables `PROXIMITY_…` and by its options."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proximity_launcher.failure import Exit, Failure

REPOSITORY = Path(__file__).parents[5]
# the variables by which the conformance tests name a real Proxmox VE: the same ones offer it to the api
OFFER = "PROXIMITY_TEST_PVE_"


@dataclass(frozen=True)
class Offered:
    """A real Proxmox VE that is connected once the installation is set up. `ca` is PEM."""

    url: str
    token_id: str
    token_secret: str
    fingerprint: str
    ca: str

    def __repr__(self) -> str:
        return f"Offered({self.url})"


@dataclass(frozen=True)
class Options:
    """`nats_port`, `postgres_port` 0: any free one. `simulator_speed`: how much faster than real its tasks are."""

    data: Path
    port: int
    nats_port: int
    postgres_port: int
    provisioners: int
    simulator_speed: float
    catalog: Path
    frontend: Path
    log_level: str
    offered: Offered | None


def from_environment(environment: Mapping[str, str] = os.environ) -> Options:
    url = environment.get(OFFER + "URL", "")
    return Options(
        data=Path(environment.get("PROXIMITY_DATA") or ".proximity").absolute(),
        port=_number(environment, "PROXIMITY_PORT", 8080),
        nats_port=_number(environment, "PROXIMITY_NATS_PORT", 0),
        postgres_port=_number(environment, "PROXIMITY_POSTGRES_PORT", 0),
        provisioners=1,
        simulator_speed=1.0,
        catalog=Path(environment.get("PROXIMITY_CATALOG") or REPOSITORY / "catalog").absolute(),
        frontend=REPOSITORY / "frontend" / "build",
        log_level=environment.get("PROXIMITY_LOG_LEVEL") or "info",
        offered=_offered(environment) if url else None,
    )


def _offered(environment: Mapping[str, str]) -> Offered:
    given = {
        name: environment.get(OFFER + name, "") for name in ("URL", "TOKEN_ID", "TOKEN_SECRET", "FINGERPRINT", "CA")
    }
    lacking = [OFFER + name for name in ("TOKEN_ID", "TOKEN_SECRET") if not given[name]]
    if not given["FINGERPRINT"] and not given["CA"]:
        lacking.append(f"{OFFER}FINGERPRINT or {OFFER}CA")
    if lacking:
        raise _wrong(f"{OFFER}URL names a Proxmox VE, so {', '.join(lacking)} must be set too.")
    # several nodes of the cluster may be named; the first one will do
    url = given["URL"].partition(",")[0]
    return Offered(url, given["TOKEN_ID"], given["TOKEN_SECRET"], given["FINGERPRINT"], _pem(given["CA"]))


def _pem(ca: str) -> str:
    """Given as PEM or as the file that holds it."""
    if not ca or ca.startswith("-----BEGIN"):
        return ca
    try:
        return Path(ca).read_text()
    except OSError as error:
        raise _wrong(f"{OFFER}CA: {ca} cannot be read: {error.strerror}.") from error


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdigit() or int(text) > 65535:
        raise _wrong(f"{name} must be a port number, from 0 to 65535.")
    return int(text)


def _wrong(sentence: str) -> Failure:
    return Failure(sentence, code="usage", status=Exit.USAGE)

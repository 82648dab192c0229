"""`/clusters`: connections to Proxmox VE."""

import re
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from cryptography import x509
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from starlette.responses import Response

from proximity.domain.cluster.commands import FIRST_VMID, LAST_VMID, CheckCluster, ConnectCluster, RemoveCluster
from proximity.domain.ids import slug
from proximity.messaging.aggregates import CLUSTER
from proximity.proxmox import certificate
from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.connection import Connection, Endpoint
from proximity.proxmox.errors import CredentialsRefusedError, InvalidRequestError, ProxmoxError
from proximity_api import queries, simulator, views
from proximity_api.accept import ANSWERS, Order, accept, new_id, order, ordering
from proximity_api.names import Name
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem, invalid
from proximity_api.security import Admin, Viewer

router = APIRouter(prefix=f"{PREFIX}/clusters", tags=["clusters"])
_TOKEN_ID = re.compile(r"[^\s!@]+@[^\s!@]+![^\s!@]+")


class ProbeRequest(BaseModel):
    """With a token the version is asked for too; the token goes only to the certificate that `fingerprint` names."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"endpoint": "https://pve.lan:8006"}]})

    endpoint: Annotated[str, Field(min_length=1, max_length=300)]
    token_id: Annotated[str, Field(max_length=200)] | None = None
    token_secret: SecretStr | None = None
    fingerprint: Annotated[str, Field(max_length=200)] | None = None


class Probed(BaseModel):
    """What the endpoint shows to anybody. Compare the fingerprint with the one in Proxmox's own interface."""

    fingerprint: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    version: str | None


class ConnectRequest(BaseModel):
    """A real cluster (trust is `fingerprint` or `ca`), or `simulator` and nothing else but the name."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "Demo", "simulator": True},
                {
                    "name": "Home",
                    "endpoints": ["https://pve1.lan:8006"],
                    "token_id": "proximity@pve!proximity",
                    "token_secret": "00000000-0000-0000-0000-000000000000",
                    "fingerprint": ":".join(["AB"] * 32),
                },
            ]
        },
    )

    name: Name
    simulator: bool = False
    endpoints: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=32)] = []
    token_id: Annotated[str, Field(max_length=200)] = ""
    token_secret: SecretStr = SecretStr("")
    fingerprint: Annotated[str, Field(max_length=200)] | None = None
    ca: Annotated[str, Field(max_length=20_000)] | None = None
    first_vmid: Annotated[int, Field(ge=100, le=999_999_999)] = FIRST_VMID
    last_vmid: Annotated[int, Field(ge=100, le=999_999_999)] = LAST_VMID

    @model_validator(mode="after")
    def _simulator_needs_no_more(self) -> Self:
        if self.simulator and (self.endpoints or self.token_id or self.fingerprint or self.ca):
            raise ValueError("The simulator's address and token are known: give only the name.")
        return self


@router.post(
    "/probe", operation_id="probeCluster", summary="See who answers there", responses=errors(401, 403, 422, 502)
)
async def probe(request: ProbeRequest, _: Admin) -> Probed:
    """Connects, reads the certificate and, with a token, the version. Stores nothing."""
    try:
        seen = await certificate.probe(request.endpoint)
        version = await _version(request, seen.fingerprint)
    except InvalidRequestError:
        raise invalid(("endpoint", "An endpoint looks like https://host:8006.")) from None
    except CredentialsRefusedError:
        raise invalid(("token_secret", "Proxmox does not accept this token: the id or the secret is wrong.")) from None
    except ProxmoxError as error:
        raise Problem("cluster_unreachable", error.words) from None
    return Probed(
        fingerprint=seen.fingerprint,
        subject=seen.subject,
        issuer=seen.issuer,
        not_before=seen.not_before,
        not_after=seen.not_after,
        version=version,
    )


@router.post("", operation_id="connectCluster", summary="Connect a cluster", status_code=202, responses=ANSWERS)
async def connect(body: ConnectRequest, ordered: Annotated[Order, Depends(ordering("admin"))]) -> Response:
    """Looks at certificate, version and rights; `cluster_id` is in the answer at once."""
    parts = parts_of(ordered.request)
    cluster_id = new_id(ordered.operation_id)
    wanted = _of_simulator(parts, body) if body.simulator else body
    fingerprint = check(wanted)

    async def make() -> ConnectCluster:
        return ConnectCluster(
            operation_id=ordered.operation_id,
            cluster_id=cluster_id,
            name=wanted.name,
            endpoints=tuple(wanted.endpoints),
            token_id=wanted.token_id,
            token_secret=await parts.vault.seal(wanted.token_secret.get_secret_value()),
            fingerprint=fingerprint,
            ca=wanted.ca,
            first_vmid=wanted.first_vmid,
            last_vmid=wanted.last_vmid,
            simulator=body.simulator,
        )

    return await accept(ordered, CLUSTER, cluster_id, make, {"cluster_id": cluster_id})


@router.get("", operation_id="listClusters", summary="All clusters", responses=errors(400, 401, 503))
async def clusters(request: Request, _: Viewer, cursor: Cursor = None, limit: Limit = 50) -> views.Page[views.Cluster]:
    """By name."""
    async with parts_of(request).database.read() as conn:
        return await queries.clusters(conn, cursor, limit)


@router.get("/{cluster_id}", operation_id="getCluster", summary="One cluster", responses=errors(401, 404, 503))
async def cluster(request: Request, _: Viewer, cluster_id: UUID) -> views.Cluster:
    """With the rights that its token lacks, feature by feature."""
    async with parts_of(request).database.read() as conn:
        found = await queries.cluster(conn, str(cluster_id))
    if found is None:
        raise Problem("not_found", "There is no such cluster.")
    return found


@router.delete(
    "/{cluster_id}", operation_id="removeCluster", summary="Forget a cluster", status_code=202, responses=ANSWERS
)
async def remove(request: Request, cluster_id: UUID) -> Response:
    """Changes nothing on Proxmox. Rejected while applications live there."""
    ordered = await order(request, "admin")

    async def make() -> RemoveCluster:
        return RemoveCluster(operation_id=ordered.operation_id, cluster_id=str(cluster_id))

    return await accept(ordered, CLUSTER, str(cluster_id), make)


@router.post(
    "/{cluster_id}/check", operation_id="checkCluster", summary="Look again", status_code=202, responses=ANSWERS
)
async def look_again(request: Request, cluster_id: UUID) -> Response:
    """At version and rights."""
    ordered = await order(request, "admin")

    async def make() -> CheckCluster:
        return CheckCluster(operation_id=ordered.operation_id, cluster_id=str(cluster_id))

    return await accept(ordered, CLUSTER, str(cluster_id), make)


def check(wanted: ConnectRequest) -> str | None:
    """Raises the problem 422 for what would never work. Returns the fingerprint in its normal spelling."""
    wrong = []
    if not slug(wanted.name):
        wrong.append(("name", "The name needs at least one letter or digit (a-z, 0-9)."))
    if not wanted.endpoints:
        wrong.append(("endpoints", "At least one address of a node is needed, such as https://pve.lan:8006."))
    if not wanted.token_secret.get_secret_value():
        wrong.append(("token_secret", "The secret of the API token is needed."))
    if not (wanted.fingerprint or wanted.ca):
        wrong.append(
            ("fingerprint", "Name the certificate to trust: its SHA-256 fingerprint, or the CA that signed it.")
        )
    if wanted.last_vmid < wanted.first_vmid:
        wrong.append(("last_vmid", "The VMID range ends before it begins."))
    if wanted.ca and not _is_certificate(wanted.ca):
        wrong.append(("ca", "This is not a certificate in PEM."))
    fingerprint = None
    try:
        fingerprint = certificate.normal_fingerprint(wanted.fingerprint) if wanted.fingerprint else None
    except ValueError:
        wrong.append(("fingerprint", "A fingerprint is the SHA-256 of a certificate: 32 bytes in hex."))
    if not _TOKEN_ID.fullmatch(wanted.token_id):
        wrong.append(("token_id", "A token id looks like user@realm!name."))
    if not all(_is_endpoint(endpoint) for endpoint in wanted.endpoints):
        wrong.append(("endpoints", "An endpoint looks like https://host:8006."))
    if wrong:
        raise invalid(*wrong)
    return fingerprint


def _of_simulator(parts: Parts, body: ConnectRequest) -> ConnectRequest:
    found = simulator.running(parts.settings)
    if found is None:
        raise Problem("no_simulator", "Start Proximity with its simulator, or connect a real cluster.")
    return ConnectRequest(
        name=body.name,
        endpoints=[found.url],
        token_id=found.token_id,
        token_secret=found.token_secret,
        fingerprint=found.fingerprint,
        first_vmid=body.first_vmid,
        last_vmid=body.last_vmid,
    )


async def _version(request: ProbeRequest, seen: str) -> str | None:
    """None without a token. If the certificate is not the one that was named the token stays here: problem 422."""
    if not (request.token_id and request.token_secret and request.fingerprint):
        return None
    if not _TOKEN_ID.fullmatch(request.token_id):
        raise invalid(("token_id", "A token id looks like user@realm!name."))
    try:
        expected = certificate.normal_fingerprint(request.fingerprint)
    except ValueError:
        raise invalid(("fingerprint", "A fingerprint is the SHA-256 of a certificate: 32 bytes in hex.")) from None
    if expected != seen:
        raise invalid(("fingerprint", "Another certificate is shown there."))
    connection = Connection((request.endpoint,), request.token_id, request.token_secret.get_secret_value(), seen)
    client = ProxmoxClient(connection)
    try:
        return (await client.version()).version
    finally:
        client.close()


def _is_endpoint(text: str) -> bool:
    try:
        Endpoint.parse(text)
    except ValueError:
        return False
    return True


def _is_certificate(pem: str) -> bool:
    try:
        return bool(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return False

"""Certificates: what a node shows, and whether it is the one that was trusted."""

import asyncio
import hashlib
import re
import ssl
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from proximity.proxmox.connection import Connection, Endpoint
from proximity.proxmox.errors import InvalidRequestError, UnreachableError

_FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")


@dataclass(frozen=True)
class SeenCertificate:
    """`fingerprint`: SHA-256, upper-case hex with colons, as Proxmox shows it. `pem`: the node's own certificate."""

    fingerprint: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    pem: str


def fingerprint_of(der: bytes) -> str:
    return _colons(hashlib.sha256(der).hexdigest())


def normal_fingerprint(text: str) -> str:
    """Upper-case hex with colons, from any usual spelling. ValueError: not a SHA-256 fingerprint."""
    normal = _colons(text.strip().removeprefix("SHA256:").replace(":", "").replace(" ", ""))
    if not _FINGERPRINT.fullmatch(normal):
        raise ValueError("a fingerprint is the SHA-256 of a certificate: 32 bytes in hex")
    return normal


def _colons(digits: str) -> str:
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2)).upper()


def trust(connection: Connection) -> ssl.SSLContext:
    """With a fingerprint the authorities do not matter: the certificate is compared right after the handshake."""
    if connection.fingerprint is not None:
        return _no_authorities()
    return ssl.create_default_context(cadata=connection.ca)


def _no_authorities() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def probe(endpoint: str, timeout_seconds: float = 5.0) -> SeenCertificate:
    """What the endpoint shows to anybody who connects; nothing is sent. It proves nothing: a person must compare it.

    UnreachableError: nobody answers there, or no TLS is spoken. InvalidRequestError: not an endpoint.
    """
    try:
        where = Endpoint.parse(endpoint)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None
    try:
        async with asyncio.timeout(timeout_seconds):
            _, writer = await asyncio.open_connection(where.host, where.port, ssl=_no_authorities())
    except TimeoutError:
        raise UnreachableError(f"{where} does not answer within {timeout_seconds:g} s") from None
    except ssl.SSLError:
        raise UnreachableError(f"{where} does not speak TLS as Proxmox does") from None
    except OSError as error:
        raise UnreachableError(f"{where}: {error.strerror or error}") from None
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return seen(der)


def seen(der: bytes) -> SeenCertificate:
    certificate = x509.load_der_x509_certificate(der)
    return SeenCertificate(
        fingerprint=fingerprint_of(der),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        pem=ssl.DER_cert_to_PEM_cert(der),
    )

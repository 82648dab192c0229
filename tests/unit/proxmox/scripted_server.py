"""A TLS server that answers from a script and remembers every byte it was sent."""

import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    path: Path
    pem: str
    fingerprint: str


def make_certificate(folder: Path, name: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + pem)
    return Certificate(path, pem.decode(), certificate.fingerprint(hashes.SHA256()).hex(":").upper())


@dataclass(frozen=True)
class Answer:
    """What goes over the wire. `drop`: the connection is cut instead. `silent`: nothing ever comes."""

    status: int = 200
    reason: str = "OK"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    silent: bool = False

    def wire(self) -> bytes:
        headers = {
            "Content-Type": "application/json;charset=UTF-8",
            "Content-Length": str(len(self.body)),
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


DROP = Answer(drop=True)
SILENT = Answer(silent=True)


def data(value: Any) -> Answer:
    return Answer(body=json.dumps({"data": value}).encode())


def refusal(status: int, reason: str, body: Any = None, **headers: str) -> Answer:
    return Answer(status, reason, b"" if body is None else json.dumps(body).encode(), headers)


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: str


class ScriptedServer:
    """`script`: the answers to come, in order; an unscripted request is dropped. `received`: all decrypted bytes."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self.script: list[Answer] = []
        self.requests: list[Request] = []
        self.received = b""
        self.connections = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.path)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        with self._lock:
            for line in self._open:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.append(raw)
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(raw, server_side=True) as line:
            with self._lock:
                self._open.append(line)
            while (request := self._read(line)) is not None:
                with self._lock:
                    self.requests.append(request)
                    answer = self.script.pop(0) if self.script else DROP
                if answer.drop:
                    return
                if answer.silent:
                    line.recv(1)
                    return
                line.sendall(answer.wire())
                if answer.headers.get("Connection") == "close":
                    return

    def _read(self, line: ssl.SSLSocket) -> Request | None:
        text = b""
        while b"\r\n\r\n" not in text:
            chunk = line.recv(65536)
            if not chunk:
                return None
            self.received += chunk
            text += chunk
        head, _, body = text.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            chunk = line.recv(65536)
            self.received += chunk
            body += chunk
        return Request(first, headers, body.decode())


@contextmanager
def serving(certificate: Certificate) -> Iterator[ScriptedServer]:
    server = ScriptedServer(certificate)
    try:
        yield server
    finally:
        server.stop()

"""What a plain installation answers: no high availability, no jobs, no networks of its own, and a log."""

import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from .base import Base, Values
from .calls import result_attributes

EMPTY = ("/cluster/ha/resources", "/cluster/backup", "/cluster/replication", "/cluster/sdn/zones")
CPU_MODELS = (("kvm64", "default"), ("x86-64-v2-AES", "default"), ("host", "default"), ("EPYC", "AuthenticAMD"),
              ("Skylake-Server", "GenuineIntel"))  # fmt: skip


class Plain(Base):
    def _routes_a_plain(self) -> list[Any]:
        node = "/nodes/{node}"
        return [
            *(("GET", path, self._nothing) for path in EMPTY),
            ("GET", f"{node}/replication", self._nothing),
            ("GET", f"{node}/netstat", self._traffic),
            ("GET", "/cluster/ha/status/current", self._ha_status),
            ("GET", "/cluster/options", self._options),
            ("GET", f"{node}/capabilities/qemu/cpu", self._cpu_models),
            ("GET", f"{node}/certificates/info", self._certificates),
            ("GET", f"{node}/syslog", self._syslog),
        ]

    async def _nothing(self, v: Values, user: str) -> list[Any]:
        return []

    async def _traffic(self, v: Values, user: str) -> list[dict[str, str]]:
        """Of machines only; those of containers are not counted here."""
        running = [vm for vm in self.vms if vm.node == v["node"] and vm.status == "running"]
        usage = [(vm.vmid, self._vm_usage(vm)) for vm in running]
        return [{"vmid": str(vmid), "dev": "net0", "in": str(use["netin"]), "out": str(use["netout"])}
                for vmid, use in usage]  # fmt: skip

    async def _ha_status(self, v: Values, user: str) -> list[dict[str, Any]]:
        node, quorate = sorted(self.nodes)[0], int(not self.faults.holds("quorum_lost"))
        return [
            {"id": "quorum", "type": "quorum", "node": node, "status": "OK" if quorate else "No quorum on this node!",
             "quorate": quorate},
            {"id": "fencing", "type": "fencing", "node": node, "status": "armed", "armed-state": "armed"},
        ]  # fmt: skip

    async def _options(self, v: Values, user: str) -> dict[str, Any]:
        if not self.allowed(user, "/", "Sys.Audit"):
            return {"allowed-tags": []}
        return {"allowed-tags": [], "description": "", "mac_prefix": "BC:24:11"}

    async def _cpu_models(self, v: Values, user: str) -> list[dict[str, Any]]:
        return [{"name": name, "vendor": vendor, "custom": 0} for name, vendor in CPU_MODELS]

    async def _certificates(self, v: Values, user: str) -> list[dict[str, Any]]:
        files = zip(("pve-root-ca.pem", "pve-ssl.pem"), self.certificates, strict=False)
        return [_certificate(name, pem) for name, pem in files]

    async def _syslog(self, v: Values, user: str) -> list[dict[str, Any]]:
        """The tasks, as pvedaemon notes them."""
        lines = [_syslog_line(task) for task in self.tasklog if task["node"] == v["node"]]
        start, limit = int(v.get("start") or 0), int(v.get("limit") or 50)
        result_attributes.set({"total": str(len(lines))})
        return [{"n": number, "t": line} for number, line in enumerate(lines, 1)][start : start + limit]


def _syslog_line(task: dict[str, Any]) -> str:
    stamp = time.strftime("%b %d %H:%M:%S", time.gmtime(task["starttime"]))
    return f"{stamp} {task['node']} pvedaemon[1093]: <{task['user']}> starting task {task['upid']}"


def _certificate(name: str, pem: bytes) -> dict[str, Any]:
    certificate = x509.load_pem_x509_certificate(pem)
    key = certificate.public_key()
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = [str(host.value) for host in names]
    except x509.ExtensionNotFound:
        hosts = []
    bits = key.key_size if isinstance(key, ec.EllipticCurvePublicKey) else 4096
    return {
        "filename": name, "fingerprint": certificate.fingerprint(SHA256()).hex(":").upper(),
        "subject": certificate.subject.rfc4514_string(), "issuer": certificate.issuer.rfc4514_string(),
        "notbefore": int(certificate.not_valid_before_utc.timestamp()),
        "notafter": int(certificate.not_valid_after_utc.timestamp()), "public-key-bits": bits,
        "public-key-type": "id-ecPublicKey", "san": hosts, "pem": certificate.public_bytes(Encoding.PEM).decode(),
    }  # fmt: skip

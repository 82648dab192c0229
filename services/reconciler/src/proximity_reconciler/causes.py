"""Why a cluster cannot be looked at, in a person's words."""

from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import (
    CredentialsRefusedError,
    ProxmoxError,
    RightsMissingError,
    UnreachableError,
    UntrustedCertificateError,
)
from proximity.vault.vault import VaultError

BLIND = Cause(
    code="missing_rights",
    message="The API token may not see any guest any more: give it the right VM.Audit again.",
)


def cause_of(error: ProxmoxError | VaultError) -> Cause:
    match error:
        case VaultError():
            return Cause(code="secret_unreadable", message=f"The API token's secret cannot be opened: {error}.")
        case UntrustedCertificateError(seen=seen):
            message = "The certificate is not the one that was trusted"
            message += f": its fingerprint is {seen}." if seen else "."
            return Cause(code="certificate_untrusted", message=message, proxmox=error.words)
        case CredentialsRefusedError():
            message = "Proxmox does not accept the API token: it does not exist, has expired or was revoked."
            return Cause(code="credentials_refused", message=message, proxmox=error.words)
        case RightsMissingError():
            return Cause(code="missing_rights", message="The API token lacks a right for this.", proxmox=error.words)
        case UnreachableError():
            return Cause(code="node_unreachable", message="No node of it can be reached.", proxmox=error.words)
    return Cause(code="proxmox_error", message="Proxmox did not answer as it should.", proxmox=error.words)

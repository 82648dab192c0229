"""What went wrong at Proxmox, in a person's words, and whether waiting can help."""

import re

from proximity.domain.application.adoption import TAG_REFUSED
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import (
    ConfigurationChangedError,
    CredentialsRefusedError,
    GuestMissingError,
    InvalidRequestError,
    LockedError,
    ProxmoxError,
    RefusedError,
    RightsMissingError,
    TagRefusedError,
    UnansweredError,
    UnreachableError,
    UntrustedCertificateError,
)
from proximity_provisioner.sealed import SecretLostError

_SPACE = re.compile(
    r"no space left|not enough (free )?space|out of space|insufficient free space|disk quota exceeded", re.I
)
_LOCK = re.compile(r"CT is locked|can't lock file", re.I)
_QUORUM = re.compile(r"no quorum|/etc/pve/.*permission denied", re.I)

_NO_SKOPEO = re.compile(r"Install 'skopeo'")
_NOT_PULLED = re.compile(r"skopeo copy")

_SEALED = "A secret cannot be opened: it was erased, or the master key of the vault is another one."
# the first class that matches counts: (class, code, sentence)
_SENTENCES: tuple[tuple[type[ProxmoxError], str, str], ...] = (
    (
        UntrustedCertificateError,
        "certificate_untrusted",
        "The certificate is not the one that was trusted. If it was renewed, connect the cluster with the new one.",
    ),
    (
        CredentialsRefusedError,
        "credentials_refused",
        "Proxmox does not accept the API token: it does not exist, has expired or was revoked.",
    ),
    (SecretLostError, "secret_unreadable", _SEALED),
    (TagRefusedError, TAG_REFUSED, "The cluster's options leave the tag to others: it is done without."),
    (RightsMissingError, "missing_rights", "The API token lacks a right for this."),
    (LockedError, "container_locked", "The container is locked by something else on Proxmox."),
    (ConfigurationChangedError, "configuration_changed", "The configuration was changed by somebody else just now."),
    (GuestMissingError, "container_gone", "The container is no longer on its node."),
    (InvalidRequestError, "invalid_request", "Proxmox does not take such a call."),
    (RefusedError, "refused", "Proxmox refused."),
    (UnreachableError, "node_unreachable", "Proxmox cannot be reached."),
    (UnansweredError, "unanswered", "Proxmox did not answer."),
)


def cause_of(error: ProxmoxError) -> Cause:
    if _QUORUM.search(error.words):
        return _no_quorum(error.words)
    if _NO_SKOPEO.search(error.words):
        message = "The node lacks the program that pulls images. Run `apt install skopeo` on it and deploy again."
        return Cause(code="skopeo_missing", message=message, proxmox=error.words)
    if isinstance(error, UntrustedCertificateError) and error.seen:
        message = f"The certificate is not the one that was trusted: its fingerprint is {error.seen}."
        return Cause(code="certificate_untrusted", message=message, proxmox=error.words)
    for kind, code, message in _SENTENCES:
        if isinstance(error, kind):
            return Cause(code=code, message=message, proxmox=error.words)
    return Cause(code="proxmox_error", message="Proxmox answered with an error.", proxmox=error.words)


def passes(error: ProxmoxError) -> bool:
    """Whether it may go away by itself, so that trying again later makes sense."""
    passing = UnreachableError | LockedError | ConfigurationChangedError | UnansweredError | TagRefusedError
    return isinstance(error, passing) or bool(_QUORUM.search(error.words))


def cause_of_task(what: str, exitstatus: str | None, log: tuple[str, ...]) -> Cause:
    """`what`: the step, for the sentence. The reason is in the task's exit status or in its log's last lines."""
    words = exitstatus or "unexpected status"
    if _SPACE.search(words) or any(_SPACE.search(line) for line in log):
        return Cause(code="storage_full", message="There is no space left on the storage.", proxmox=words)
    if _QUORUM.search(words):
        return _no_quorum(words)
    if _NOT_PULLED.search(words):
        message = "The image could not be pulled. Is there such an image and tag, and does the node reach the registry?"
        return Cause(code="image_not_pulled", message=message, proxmox=words)
    if "did not stop" in words:
        message = "The container did not go down in time. It can be stopped without asking it."
        return Cause(code="shutdown_timed_out", message=message, proxmox=words)
    return Cause(code="task_failed", message=f"Proxmox could not finish the task ({what}).", proxmox=words)


def _no_quorum(words: str) -> Cause:
    return Cause(code="no_quorum", message="The cluster has no quorum, so nothing can be changed.", proxmox=words)


def task_was_locked_out(exitstatus: str | None) -> bool:
    """The task ended because of a lock or a lost quorum before it did anything: it may be tried again."""
    return bool(exitstatus and (_LOCK.search(exitstatus) or _QUORUM.search(exitstatus)))

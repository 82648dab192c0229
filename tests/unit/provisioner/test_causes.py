"""What a person is told of Proxmox's words, and what is tried again."""

import pytest

from proximity.domain.claim.claim import Claim, ClaimRefusedError, Wish
from proximity.proxmox.errors import (
    AlreadyExistsError,
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
from proximity_provisioner.causes import cause_of, cause_of_task, passes, task_was_locked_out
from proximity_provisioner.refusals import rejected


@pytest.mark.parametrize(
    ("error", "code", "again"),
    [
        (UnreachableError("connection refused"), "node_unreachable", True),
        (LockedError("CT is locked (backup)"), "container_locked", True),
        (ConfigurationChangedError("detected modified configuration"), "configuration_changed", True),
        (UnansweredError("596"), "unanswered", True),
        (RefusedError("cluster not ready - no quorum?"), "no_quorum", True),
        (CredentialsRefusedError("401"), "credentials_refused", False),
        (RightsMissingError("403 (/vms/1, VM.Audit)"), "missing_rights", False),
        # again, without the tag
        (TagRefusedError("403 (/, Sys.Modify for modifying tag 'proximity')"), "tag_refused", True),
        (InvalidRequestError("400"), "invalid_request", False),
        (GuestMissingError("does not exist"), "container_gone", False),
        (AlreadyExistsError("CT 1 already exists"), "refused", False),
        (RefusedError("protection mode enabled"), "refused", False),
        (RefusedError("Install 'skopeo' to pull OCI images from registries."), "skopeo_missing", False),
        (ProxmoxError("something"), "proxmox_error", False),
    ],
)
def test_sentence_and_whether_waiting_helps(error: ProxmoxError, code: str, again: bool) -> None:
    cause = cause_of(error)
    assert (cause.code, cause.proxmox, passes(error)) == (code, error.words, again)
    assert cause.message.endswith(".")


def test_untrusted_certificate_names_the_one_seen() -> None:
    assert "AB:CD" in cause_of(UntrustedCertificateError("not trusted", seen="AB:CD")).message


@pytest.mark.parametrize(
    ("words", "log", "code"),
    [
        ("unable to create CT 1 - mkfs: No space left on device", (), "storage_full"),
        ("command failed: exit code 1", ("tar: write error: No space left on device",), "storage_full"),
        ("cluster not ready - no quorum?", (), "no_quorum"),
        ("container did not stop", (), "shutdown_timed_out"),
        ("command 'skopeo copy docker://a/b:1 oci-archive:x' failed: exit code 1", ("unknown",), "image_not_pulled"),
        ("command 'skopeo copy docker://a/b:1 oci-archive:x' failed: exit code 1", ("no space left",), "storage_full"),
        ("exit code 2", ("something",), "task_failed"),
    ],
)
def test_cause_of_a_failed_task(words: str, log: tuple[str, ...], code: str) -> None:
    cause = cause_of_task("create", words, log)
    assert (cause.code, cause.proxmox) == (code, words)


@pytest.mark.parametrize(
    ("words", "again"),
    [
        ("CT is locked (backup)", True),
        ("can't lock file '/run/lock/lxc/pve-config-1.lock' - got timeout", True),
        ("cluster not ready - no quorum?", True),
        ("command 'tar' failed: got timeout", False),
        (None, False),
    ],
)
def test_task_that_did_nothing_because_of_a_lock(words: str | None, again: bool) -> None:
    assert task_was_locked_out(words) is again


@pytest.mark.parametrize(
    ("kind", "key", "action", "code"),
    [
        ("name", "wiki", "take", "name_taken"),
        ("tenancy", "c1", "take", "cluster_removed"),
        ("tenancy", "c1", "close", "cluster_has_applications"),
        ("fingerprint", "ab", "take", "already_connected"),
        ("guest", "c1-105", "take", "guest_taken"),
        ("vmid", "c1-1", "take", "taken"),
    ],
)
def test_refused_claim(kind: str, key: str, action: str, code: str) -> None:
    wish = Wish(kind, key, action, "me", "op")  # type: ignore[arg-type]
    assert rejected(ClaimRefusedError(wish, Claim(frozenset({"other"})))).code == code

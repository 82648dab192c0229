"""From what Proxmox answered to what it says about the call. The only place that reads Proxmox's error texts.

The rules are measured on Proxmox VE 9.2. Whoever is in doubt is an UnansweredError: taking a call for not executed when
it was is what makes a second container.
"""

import re

from proximity.proxmox.errors import (
    AlreadyExistsError,
    ConfigurationChangedError,
    CredentialsRefusedError,
    GuestMissingError,
    InvalidRequestError,
    LockedError,
    NoQuorumError,
    ProxmoxError,
    RefusedError,
    RightsMissingError,
    TagRefusedError,
    UnansweredError,
    UnreachableError,
)

_BY_STATUS: dict[int, type[ProxmoxError]] = {
    400: InvalidRequestError,
    401: CredentialsRefusedError,
    403: RightsMissingError,
    404: InvalidRequestError,
    501: InvalidRequestError,
    506: InvalidRequestError,
    595: UnreachableError,
}

# Of the many 500s these are answered before anything is done; each was seen on a real Proxmox. The whole sentence must
# match: the same words inside a longer one can come from the middle of the work.
_BY_WORDS: tuple[tuple[type[ProxmoxError], str], ...] = (
    (AlreadyExistsError, r"(unable to create CT \d+ - )?(CT|VM) \d+ already exists on node '.+'"),
    (AlreadyExistsError, r"(unable to create CT \d+ - )?(CT|VM) \d+ already exists"),
    (AlreadyExistsError, r"refusing to override existing file '.+'"),
    (GuestMissingError, r"Configuration file 'nodes/.+/lxc/\d+\.conf' does not exist"),
    (ConfigurationChangedError, r"detected modified configuration.*"),
    (LockedError, r"CT is locked \(.+\)"),
    (LockedError, r"can't lock file '/run/lock/lxc/pve-config-\d+\.lock' - got timeout"),
    (RefusedError, r"(CT|VM) \d+ (already|not) running"),
    (RefusedError, r"unable to destroy CT \d+ - container is running"),
    (RefusedError, r"can't remove CT \d+ - protection mode enabled"),
    (RefusedError, r"disk is already at specified size"),
    (RefusedError, r"no options specified"),
    (RefusedError, r"unable to (delete required|modify read-only) option:? '.+'"),
    (RefusedError, r"storage '.+' does not (exist|support templates)"),
    (RefusedError, r"unable to use volume .+ - content type needs to be '.+'"),
    (RefusedError, r"unable to parse directory volume name '.*'"),
    (RefusedError, r"Only root can pass arbitrary filesystem paths\..*"),
    # from the sources of Proxmox VE 9.1, not seen
    (RefusedError, r"Install 'skopeo' to pull OCI images from registries\."),
    (RefusedError, r"can't upload to storage type '.+', not a file based storage!"),
    (RefusedError, r"storage '.+' is not configured for content-type '.+'"),
    (RefusedError, r"SSH public key validation error"),
    (UnreachableError, r"hostname lookup '.+' failed - .*"),
    (RefusedError, r"no such cluster node '.+'"),
    (NoQuorumError, r"cluster not ready - no quorum\?"),
    (NoQuorumError, r"unable to open file '/etc/pve/.+' - Permission denied"),
)
_TAG_REFUSED = re.compile(r"Permission check failed \(/, Sys\.Modify for modifying tag '.*'\)")
_WORDS = tuple((kind, re.compile(pattern)) for kind, pattern in _BY_WORDS)


def error_for(status: int, words: str, errors: dict[str, str]) -> ProxmoxError:
    """`words`: the reason phrase or the body's message; `errors`: parameter -> what is wrong with it."""
    words = words.strip()
    told = "; ".join(f"{name}: {text.strip()}" for name, text in errors.items())
    return _kind(status, words, errors)(f"{words} ({told})" if told else words, status, errors)


def _kind(status: int, words: str, errors: dict[str, str]) -> type[ProxmoxError]:
    # a configuration is written before it is applied to the running guest: part of this was done
    if any("unable to hotplug" in text for text in errors.values()):
        return UnansweredError
    if status == 500:
        return next((kind for kind, pattern in _WORDS if pattern.fullmatch(words)), UnansweredError)
    if status == 403 and _TAG_REFUSED.fullmatch(words):
        return TagRefusedError
    return _BY_STATUS.get(status, UnansweredError)


def is_transient(error: ProxmoxError) -> bool:
    """Asking a container that is just stopping for its figures can fail like this; the next time it works."""
    return error.status == 500 and "failed to read from command socket" in error.words


def is_without_history(error: ProxmoxError) -> bool:
    """The guest or storage has no RRD on that node: it is new there, or not there."""
    return error.status == 500 and error.words.startswith("RRD error:") and "No such file" in error.words

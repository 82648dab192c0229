"""What went wrong at Proxmox, sorted by what it says about the call. Translated once, in client.py.

Every error keeps Proxmox's own words (`str(error)`) and the HTTP status (None: no answer at all). `answered_at`: the
answer's HTTP Date in Unix seconds, if there was one.
"""


class ProxmoxError(Exception):
    def __init__(self, words: str, status: int | None = None, errors: dict[str, str] | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        self.errors = errors or {}
        self.answered_at: int | None = None

    def __str__(self) -> str:
        return self.words

    def hide(self, *secrets: str | None) -> None:
        """Proxmox quotes bad values: what was secret in the request must not come back in its refusal."""
        for secret in filter(None, secrets):
            self.words = self.words.replace(secret, "***")
            self.errors = {name: text.replace(secret, "***") for name, text in self.errors.items()}
        self.args = (self.words,)


class NotExecutedError(ProxmoxError):
    """This call was certainly not executed (an earlier one may have been)."""


class UnreachableError(NotExecutedError):
    """595, refused or unresolvable: nothing was sent. Try again later."""


class UntrustedCertificateError(NotExecutedError):
    """The certificate is not the one that was trusted. `seen`: its SHA-256 fingerprint, if it could be read."""

    def __init__(self, words: str, *, seen: str | None = None) -> None:
        super().__init__(words)
        self.seen = seen


class NotNowError(NotExecutedError):
    """Nothing was sent, because enough was asked of the cluster in the last minute. Try again soon."""


class CredentialsRefusedError(NotExecutedError):
    """401: the token does not exist, is expired or revoked."""


class RightsMissingError(NotExecutedError):
    """403: the token lacks a right; the words usually name path and privilege."""


class TagRefusedError(RightsMissingError):
    """403 for a tag: the cluster's options leave it to others to set and remove it."""


class InvalidRequestError(NotExecutedError):
    """400 or 501: Proxmox does not take such a call; `errors` names the parameters."""


class RefusedError(NotExecutedError):
    """500 with words that say it was not done: does not exist, not running, already running ..."""


class NoQuorumError(RefusedError):
    """The cluster takes no changes at the moment: try again later."""


class LockedError(RefusedError):
    """`CT is locked (...)` or a lock file's timeout: try again later."""


class AlreadyExistsError(RefusedError):
    """`CT N already exists`, `refusing to override existing file`: by us before, or by somebody else."""


class GuestMissingError(RefusedError):
    """`Configuration file ... does not exist`: on this node. Gone, or moved: see Observer.vmid_in_use."""


class ConfigurationChangedError(RefusedError):
    """The digest sent is stale: somebody changed the configuration in between."""


class UnansweredError(ProxmoxError):
    """596, timeout, connection lost after sending, an unknown 500: it may have been executed, now or later."""


class ConnectionLostError(UnansweredError):
    """The connection ended after sending and before the answer."""

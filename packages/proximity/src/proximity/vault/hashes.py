"""Whether a value changed, told without the value: by a hash that needs the master key."""

import hashlib
import hmac
from collections.abc import Mapping

from proximity.domain.application.configuration import Configuration
from proximity.domain.drift.configuration import comparable, is_secret


class ConfigurationHash:
    """Values of environment variables may be secret, and so may a command line. How a hash is made stays as it is: logs
    have some that are compared with new ones.
    """

    def __init__(self, master_key: bytes) -> None:
        self._key = hmac.digest(master_key, b"hashes of environment variables", "sha256")

    def of(self, vmid: int, name: str, value: str) -> str:
        """`name` of a setting or of an environment variable."""
        return hmac.new(self._key, f"{vmid}\0{name}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]

    def settings(self, vmid: int, values: Mapping[str, str]) -> dict[str, str]:
        """Those that may be secret as hashes, the others as they are."""
        return {key: self.of(vmid, key, value) if is_secret(key) else value for key, value in values.items()}

    def environment(self, vmid: int, variables: Mapping[str, str]) -> dict[str, str]:
        return {name: self.of(vmid, name, value) for name, value in variables.items()}

    def configuration(self, vmid: int, values: Mapping[str, str], variables: Mapping[str, str]) -> Configuration:
        """What of it is kept, to tell later changes by."""
        return Configuration(
            values=comparable(self.settings(vmid, values)), environment=self.environment(vmid, variables)
        )

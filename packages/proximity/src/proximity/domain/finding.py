"""A finding: something that is otherwise than it should be, as it is told in the log. It opens once and closes once."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal[
    "stopped_outside",
    "started_outside",
    "gone",
    "renamed",
    "configuration_changed",
    "marker_removed",
    "vmid_taken",
    "lock_left",
    "unseen",
    "orphan",
    "marker_copied",
]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Explanation(_Value):
    """The task on Proxmox that explains it. `user`: with the token's name, if it was one; `at`: Unix seconds of the
    node's clock.
    """

    user: str
    task: str
    upid: str
    at: int


class Setting(_Value):
    """What a setting of a container is, as it is compared: of what may be secret a keyed hash. `field` of an
    environment variable: `env.NAME`. `value` None: not set.
    """

    field: str
    value: str | None


class Finding(_Value):
    """`key`: the same thing found again has the same one (the kind, and the field if there can be several).

    `expected`, `observed`: in words; of an environment variable only that it differs. `explained` None: not known.
    `setting`: what a changed one is now; for no screen.
    """

    key: str
    kind: Kind
    message: str
    expected: str = ""
    observed: str = ""
    explained: Explanation | None = None
    setting: Setting | None = None

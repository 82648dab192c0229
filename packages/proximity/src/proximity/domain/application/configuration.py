"""The configuration of a container as it is kept in an event."""

from pydantic import BaseModel, ConfigDict


class Configuration(BaseModel):
    """Of all settings those that are compared, in the form in which they are (drift/configuration.py): of what may be
    secret a keyed hash. `environment`: variable -> keyed hash of its value.
    """

    model_config = ConfigDict(frozen=True)

    values: dict[str, str]
    environment: dict[str, str]

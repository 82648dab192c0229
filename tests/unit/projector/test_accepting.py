"""A changed setting that is accepted: its finding goes, the operation is over at once, and no hash is shown."""

import pytest

from proximity.domain.application import events as app
from proximity.domain.drift import findings
from proximity.domain.finding import Setting
from support.projection import deployed, folded, of

TOKEN = findings.environment_changed("TOKEN", "canary-hash")


def test_what_is_accepted_is_settled_everywhere() -> None:
    assert TOKEN.setting
    opened = app.FindingOpened(finding=TOKEN)
    rows = folded(of("application", "a1", [*deployed(), opened]))
    (row,) = rows.changed["findings"].values()
    assert (row["kind"], row["removed_at"]) == ("configuration_changed", None)
    said = [
        app.ConfigurationAccepted(operation_id="op-9", key=TOKEN.key, setting=TOKEN.setting),
        app.OperationSucceeded(operation_id="op-9", kind="accept_configuration"),
    ]
    rows = folded(of("application", "a1", [*deployed(), opened, *said]))
    (row,) = rows.changed["findings"].values()
    assert row["closed_at"] == row["removed_at"] is not None
    assert rows.changed["applications"]["a1"]["findings"] == {}
    assert rows.changed["applications"]["a1"]["status"] == "running"
    operation = rows.changed["operations"]["op-9"]
    assert (operation["kind"], operation["status"], operation["steps"]) == ("accept_configuration", "succeeded", [])
    summaries = [row["summary"] for row in rows.changed["activity"].values()]
    assert summaries[-1] == "Wiki: env.TOKEN is accepted as it was changed outside."
    assert "canary" not in repr(rows.changed)


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("memory", "1536", (1536, 2)),
        ("cores", "4", (512, 4)),
        ("memory", None, (512, 2)),
        ("env.memory", "9", (512, 2)),
    ],
)
def test_a_container_is_shown_as_big_as_was_accepted(field: str, value: str | None, shown: tuple[int, int]) -> None:
    accepted = app.ConfigurationAccepted(operation_id="op-9", key="k", setting=Setting(field=field, value=value))
    row = folded(of("application", "a1", [*deployed(), accepted])).changed["applications"]["a1"]
    assert (row["memory_mib"], row["cores"]) == shown

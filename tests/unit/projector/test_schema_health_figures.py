"""Names of schemas, what health says, which figures count."""

from datetime import timedelta

import pytest
import sqlalchemy

from proximity.messaging.observations import Observation
from proximity.readmodel import tables
from proximity.readmodel.schema import (
    checked,
    create_statements,
    definitions_hash,
    definitions_of,
    live_statements,
    schema_name,
)
from proximity_projector import schemas
from proximity_projector.figures import rows
from proximity_projector.health import SILENT_FOR, Health, respond
from support.projection import START


def test_a_schema_is_named_by_its_definitions() -> None:
    name = schema_name(definitions_hash(), "c0ffee")
    assert definitions_of(name) == definitions_hash()
    assert create_statements(name)[0] == f"CREATE SCHEMA {name}"


def test_another_column_is_another_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    before = definitions_hash()
    changed = sqlalchemy.MetaData()
    for table in tables.metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["users"].append_column(sqlalchemy.Column("nickname", sqlalchemy.Text))
    monkeypatch.setattr("proximity.readmodel.schema.metadata", changed)
    assert definitions_hash() != before


def test_other_projections_are_another_schema() -> None:
    assert definitions_hash(b"row | {}") != definitions_hash(b"row") != definitions_hash()
    assert schemas.definitions() != definitions_hash()


@pytest.mark.parametrize("name", ["public", "rm_", "rm_0123456789ab; DROP", "rm_0123456789AB", "rm_0123456789ab_"])
def test_only_names_of_ours_go_into_sql(name: str) -> None:
    with pytest.raises(ValueError, match="not a read model's schema"):
        checked(name)


def test_what_is_live_is_declared_once() -> None:
    assert [statement.split("(")[0].strip() for statement in live_statements()] == [
        "CREATE SCHEMA IF NOT EXISTS proximity",
        "CREATE TABLE IF NOT EXISTS proximity.live",
    ]


def test_every_table_of_rows_has_a_position_and_an_index_on_it() -> None:
    for table in tables.ROWS:
        assert any([column.name for column in index.columns] == ["position"] for index in table.indexes)


def test_ready_while_the_loop_goes_round() -> None:
    now = 0.0
    health = Health(lambda: now)
    assert respond(health, "/readyz") == ("503 Service Unavailable", b"starting\n")
    health.well()
    assert respond(health, "/readyz")[0] == "200 OK"
    now = SILENT_FOR + 1
    assert respond(health, "/readyz") == ("503 Service Unavailable", b"nothing has been done for 11 s\n")
    health.well()
    health.unwell("stopped: unknown message type x")
    assert b"unknown message type x" in respond(health, "/readyz")[1]
    assert respond(health, "/livez")[0] == "200 OK"


def test_metrics_tell_lag_events_and_time() -> None:
    health = Health()
    health.events.inc(3)
    health.behind.set(7)
    text = respond(health, "/metrics")[1].decode()
    assert "proximity_projector_events_total 3.0" in text
    assert "proximity_projector_lag_events 7.0" in text
    assert "proximity_projector_batch_seconds_bucket" in text
    assert respond(health, "/else")[0] == "404 Not Found"


def test_of_figures_the_newest_counts_and_unknown_kinds_are_left_out() -> None:
    def seen(kind: str, key: str, seconds: int, **body: float) -> Observation:
        return Observation(kind, key, body, START + timedelta(seconds=seconds))

    found = rows(
        [
            seen("node", "c1/pve1", 2, cpu=0.5, memory_used=2, disk_used=4, netin=5, uptime=3),
            seen("node", "c1/pve1", 1, cpu=0.1, memory_used=1, uptime=2),
            seen("storage", "c1/pve1/local", 1, used=5),
            seen("weather", "c1", 1, rain=1),
        ]
    )
    (node,) = found["node_figures"]
    assert (node["cpu"], node["disk_used"], node["netin"], node["netout"]) == (0.5, 4, 5, None)
    assert found["storage_figures"][0]["available"] is None
    assert set(found) == {"node_figures", "storage_figures"}

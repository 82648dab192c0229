"""A backup of a Proximity that works, restored into an empty one: the same log, the same rows, and life goes on."""

import asyncio
import contextlib
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from chaos.readmodel import differences
from proximity.backup import restoring
from proximity.backup.archive import ArchiveError, Manifest
from proximity.backup.restoring import NotEmptyError, Restored, WrongKeyError
from proximity.backup.taking import back_up
from proximity.messaging import snapshots, subjects
from proximity.messaging.aggregates import APPLICATION
from proximity.messaging.bootstrap import NotWholeError
from proximity.messaging.buckets import vault
from proximity.messaging.connection import NotPreparedError
from proximity.messaging.event_store import EventStore
from proximity.messaging.permissions import ADMIN
from proximity.messaging.streams import BUCKETS, STREAMS
from proximity.readmodel.tables import ROWS
from proximity.vault.key import create_key, fingerprint, read_key
from proximity.vault.vault import Vault
from proximity_projector import database as projector_database
from proximity_projector import schemas
from proximity_projector.store import Store
from support.installation import Installation
from support.nats_cluster import NODES, NatsCluster, kept_on
from support.projecting import eventually
from support.projection import append, deployed, of
from support.servers import Database, Nats, Postgres
from support.simulator import SimulatorProcess

AT_ONCE = 4
"""Deployments in flight while the backup is taken."""
MISSED = 200
"""Secrets that one of three servers was not there for."""


async def saved(nats: Nats, file: Path, key_file: Path, *, with_key: bool = False) -> Manifest:
    return await back_up(file, nats.url, ADMIN, nats.passwords[ADMIN], key_file, with_key=with_key)


async def restored(nats: Nats, file: Path, key_file: Path) -> Restored:
    return await restoring.restore(file, nats.url, ADMIN, nats.passwords[ADMIN], key_file)


@pytest.mark.slow
async def test_a_life_goes_on_where_the_backup_was_taken(
    nats: Nats, empty: Nats, postgres: Postgres, simulator: SimulatorProcess, key_file: Path, tmp_path: Path
) -> None:
    """What was in flight, or not even decided, was done after the backup: it is recognised, nothing is made twice."""
    file, new_key = tmp_path / "proximity.backup", tmp_path / "new.key"
    before = Installation(nats, postgres.fresh(folder(tmp_path, "before")), tmp_path / "before", key_file)
    after = Installation(empty, postgres.fresh(folder(tmp_path, "after")), tmp_path / "after", new_key)
    try:
        await lived(before, simulator)
        session = before.client.headers

        in_flight = [await asked(before, f"in-flight-{number}") for number in range(AT_ONCE)]
        await eventually(lambda: created(simulator, "in-flight-0"))
        before.end("provisioner")
        undecided = await asked(before, "undecided")
        await saved(nats, file, key_file, with_key=True)
        before.start("provisioner")
        for operation_id in (undecided, *in_flight):
            await before.succeeded(operation_id)
        before.end()

        done = await restored(empty, file, new_key)
        one, other = (postgres.fresh(folder(tmp_path, name)) for name in ("one", "other"))
        assert await state_hash(nats, one, done.position) == await state_hash(empty, other, done.position)
        after.start()
        await after.sign_in()
        async with httpx2.AsyncClient(base_url=after.client.url, headers=session, timeout=60) as stranger:
            assert (await stranger.get("/api/v1/me")).status_code == 401
        for operation_id in (undecided, *in_flight):
            await after.succeeded(operation_id)
        await after.done("POST", "/applications", {"recipe": "debian", "name": "one-more"})
        made = Counter(entry["hostname"] for entry in simulator.journal() if entry["action"] == "create")
        assert set(made.values()) == {1}
        assert {"undecided", "in-flight-0", "one-more"} <= set(made)
        assert await differences(after) == []
    finally:
        for installation in (before, after):
            installation.end()
            await installation.client.close()


def folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


async def lived(installation: Installation, simulator: SimulatorProcess) -> None:
    """Applications that were stopped and deleted, and one that somebody switched off behind our back."""
    installation.start()
    await installation.set_up()
    await installation.connect(simulator)
    ids = [
        (await installation.done("POST", "/applications", {"recipe": "debian", "name": name}))["application_id"]
        for name in ("kept", "stopped", "deleted")
    ]
    await installation.done("POST", f"/applications/{ids[1]}/stop")
    await installation.done("DELETE", f"/applications/{ids[2]}")
    vmid = next(guest["vmid"] for guest in simulator.guests_with(ids[0]))
    simulator.power_off(vmid)

    async def told() -> bool:
        found = await installation.client.get("/findings")
        return bool(found and [row for row in found["items"] if row["aggregate_id"] == ids[0]])

    await eventually(told)


async def asked(installation: Installation, name: str) -> str:
    """A deployment that was accepted: its operation."""
    answer = await installation.client.order("POST", "/applications", {"recipe": "debian", "name": name})
    assert answer.accepted, answer
    return str(answer.body["operation_id"])


async def created(simulator: SimulatorProcess, hostname: str) -> bool:
    journal = await asyncio.to_thread(simulator.journal)
    return any(entry["action"] == "create" and entry["hostname"] == hostname for entry in journal)


async def state_hash(nats: Nats, made: Database, position: int) -> str:
    """Of every row that the log up to the position makes. `made`: an empty database."""
    conn = await projector_database.connect(made.url, made.password)
    try:
        schema = "rm_0123456789ab"
        await schemas.prepare(conn)
        store = Store(conn, schema, await schemas.open_or_create(conn, schema, "0123456789ab", "the same"))
        log = EventStore(await nats.connect("projector"))
        while store.checkpoint.position < position:
            page = await log.read(store.checkpoint.position)
            await store.apply([event for event in page if event.position <= position])
        rows = {
            t.name: await conn.fetch(f"SELECT to_jsonb(t)::text FROM {schema}.{t.name} t ORDER BY id") for t in ROWS
        }
    finally:
        await conn.close()
    assert rows["applications"], "an empty read model equals any other"
    return sha256(json.dumps({name: [row[0] for row in found] for name, found in rows.items()}).encode()).hexdigest()


# ---------------------------------------------------------------- what may go wrong


def content(file: Path) -> bytes:
    return file.read_bytes()


def write(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


@pytest.fixture
async def backup(nats: Nats, key_file: Path, tmp_path: Path) -> Path:
    """Of an installation with some events, and a secret."""
    bus = await nats.connect("api")
    await Vault(vault(bus), read_key(key_file)).seal("canary")
    await append(await nats.connect(ADMIN), of("application", "a1", deployed()))
    await saved(nats, tmp_path / "some.backup", key_file)
    return tmp_path / "some.backup"


async def test_the_file_is_for_its_owner_and_holds_the_key_only_if_asked(
    nats: Nats, backup: Path, key_file: Path, tmp_path: Path
) -> None:
    assert mode(backup) == 0o600
    assert content(key_file).strip() not in content(backup)
    await saved(nats, tmp_path / "with-key", key_file, with_key=True)
    assert content(key_file).strip() in content(tmp_path / "with-key")
    with pytest.raises(ArchiveError, match="is there already"):
        await saved(nats, backup, key_file)


async def test_positions_times_and_secrets_are_what_they_were(
    nats: Nats, empty: Nats, backup: Path, key_file: Path
) -> None:
    done = await restored(empty, backup, key_file)
    old, new = EventStore(await nats.connect("api")), EventStore(await empty.connect("api"))
    log = await new.read(0)
    assert log[:-1] == await old.read(0)
    assert log[-1].metadata.type == "settings.installation_restored.v1"
    assert (log[-2].position, log[-1].position) == (done.position, done.position + 1)
    (sealed,) = await snapshots.messages(await empty.connect(ADMIN), "KV_vault")
    value_id = sealed["subject"].rpartition(".")[2]
    assert await Vault(vault(await empty.connect("provisioner")), read_key(key_file)).open(value_id) == "canary"
    assert (await new.load(APPLICATION, "a1")) == (await old.load(APPLICATION, "a1"))
    assert await empty.prepare() == nats.installation_id


async def test_from_one_server_to_three(nats: Nats, empty_cluster: NatsCluster, backup: Path, key_file: Path) -> None:
    password = empty_cluster.passwords[ADMIN]
    done = await restoring.restore(backup, empty_cluster.url, ADMIN, password, key_file, NODES)
    bus = await empty_cluster.admin()
    for config in (*STREAMS, *BUCKETS):
        await empty_cluster.info(bus, config.name or "", kept_on(NODES))
    assert await empty_cluster.prepare() == nats.installation_id
    log = await EventStore(await empty_cluster.connect("api")).read(0)
    assert log[:-1] == await EventStore(await nats.connect("api")).read(0)
    assert log[-1].position == done.position + 1


async def test_from_three_servers_one_of_which_was_away(
    cluster: NatsCluster, empty: Nats, key_file: Path, tmp_path: Path
) -> None:
    """It is the one that is asked, and it is only just learning what it missed."""
    admin, password = await cluster.connect(ADMIN), cluster.passwords[ADMIN]
    led = await cluster.info(admin, subjects.bucket_stream(subjects.VAULT), kept_on(NODES))
    assert led.cluster is not None
    away = next(node for node in cluster.nodes if node.node is not None and node.node.name != led.cluster.leader)
    sealing = Vault(vault(await cluster.connect("api")), read_key(key_file))
    await away.kill()
    # it may have led the cluster, or another stream
    await cluster.info(admin, subjects.EVENTS, lambda info: info.cluster is not None and bool(info.cluster.leader))
    sealed = [await sealing.seal(f"canary {number}") for number in range(MISSED)]
    await append(admin, of("application", "a1", deployed()))
    await away.start()

    async def taken() -> bool:
        with contextlib.suppress(NotPreparedError):  # it has not found the others yet
            await back_up(tmp_path / "some.backup", away.url, ADMIN, password, key_file)
        return (tmp_path / "some.backup").exists()

    await eventually(taken)
    await restored(empty, tmp_path / "some.backup", key_file)
    opening = Vault(vault(await empty.connect("provisioner")), read_key(key_file))
    opened = [await opening.open(value_id) for value_id in sealed]
    assert opened == [f"canary {number}" for number in range(MISSED)]
    new = await EventStore(await empty.connect("api")).read(0)
    assert new[:-1] == await EventStore(await cluster.connect("api")).read(0)


async def test_only_into_an_empty_installation(nats: Nats, empty: Nats, backup: Path, key_file: Path) -> None:
    with pytest.raises(NotEmptyError, match="there is an installation already"):
        await restored(nats, backup, key_file)
    await restored(empty, backup, key_file)
    with pytest.raises(NotEmptyError):
        await restored(empty, backup, key_file)


async def test_only_with_the_key_that_the_secrets_were_sealed_with(empty: Nats, backup: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongKeyError, match="it is needed: put the right one there"):
        await restored(empty, backup, tmp_path / "none.key")
    create_key(tmp_path / "other.key")
    with pytest.raises(WrongKeyError, match="is not the one"):
        await restored(empty, backup, tmp_path / "other.key")


async def test_a_key_in_the_backup_takes_the_place_of_one_that_nothing_was_sealed_with(
    nats: Nats, empty: Nats, key_file: Path, tmp_path: Path
) -> None:
    """As a first start made it. It is kept all the same."""
    await saved(nats, tmp_path / "with-key", key_file, with_key=True)
    create_key(tmp_path / "new.key")
    unused, other = content(tmp_path / "new.key"), fingerprint(read_key(tmp_path / "new.key"))
    await restored(empty, tmp_path / "with-key", tmp_path / "new.key")
    assert content(tmp_path / "new.key") == content(key_file)
    assert mode(tmp_path / "new.key") == 0o600
    assert content(tmp_path / f"new.key.{other[:8]}") == unused


async def test_a_damaged_file_is_refused(empty: Nats, backup: Path, key_file: Path) -> None:
    whole = content(backup)
    for cut in (0, 700, whole.rindex(b"manifest.json"), whole.rindex(b"manifest.json") + 600):
        write(backup, whole[:cut])
        with pytest.raises(ArchiveError, match="no whole backup"):
            await restored(empty, backup, key_file)
    log = whole.index(b"log/00000000") + 600
    write(backup, whole[:log] + bytes([whole[log] ^ 1]) + whole[log + 1 :])
    with pytest.raises(ArchiveError, match="is damaged"):
        await restored(empty, backup, key_file)


@pytest.mark.parametrize("dies_in", ["put_back", "cut_torn_batch"])
async def test_a_restore_that_was_broken_off_looks_like_nothing_else_and_goes_on(
    nats: Nats, empty: Nats, backup: Path, key_file: Path, tmp_path: Path, dies_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the log is there, and after."""

    async def dies(*_: Any) -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, dies_in, dies)
        with pytest.raises(ConnectionAbortedError):
            await restored(empty, backup, key_file)
    with pytest.raises(NotWholeError, match="run it again"):
        await empty.prepare()
    with pytest.raises(NotPreparedError):
        await empty.connect("api")
    await saved(nats, tmp_path / "another", key_file)
    with pytest.raises(NotEmptyError, match="of another backup"):
        await restored(empty, tmp_path / "another", key_file)

    done = await restored(empty, backup, key_file)
    assert await empty.prepare() == nats.installation_id
    assert len(await EventStore(await empty.connect("api")).read(0)) == done.position + 1


async def test_half_of_a_batch_at_the_end_is_cut_off(nats: Nats, empty: Nats, backup: Path, key_file: Path) -> None:
    """As it is copied while it is written: its last message is not there."""
    bus = await nats.connect(ADMIN)
    info = await bus.js.stream_info(subjects.EVENTS)
    await bus.js.delete_stream(subjects.EVENTS)
    config = info.config.evolve(deny_delete=False, deny_purge=False)
    await bus.js.add_stream(config)
    await append(bus, of("application", "a1", deployed()))
    loaded = await bus.js.stream_info(subjects.EVENTS)
    first = loaded.state.last_seq
    headers = {"Nats-Batch-Id": "torn", "Nats-Batch-Sequence": "1"}
    await bus.nc.request("proximity.events.claim.name.x", b"{}", headers=headers)
    headers |= {"Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"}
    await bus.nc.request("proximity.events.application.a2", b"{}", headers=headers)
    await bus.js.delete_msg(subjects.EVENTS, first + 2)
    assert await snapshots.cut_torn_batch(bus, subjects.EVENTS) == 1
    assert await snapshots.cut_torn_batch(bus, subjects.EVENTS) == 0
    assert (await bus.js.stream_info(subjects.EVENTS)).state.messages == first

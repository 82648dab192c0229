"""How fast the projector catches up, beside a bare loop over the same log.

The bare loop is the least that any projector does: fetch 1,000 messages, decode their JSON, write one row for each in
one `unnest` upsert, move a checkpoint, commit. The projector does all of its work: envelope, domain events, rows of
applications, operations and activity. Both read the same log, in turns, three times each; medians count.

The log is filled with the server's default sync interval, because filling it is not what is measured.
"""

import argparse
import asyncio
import logging
import secrets
import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import asyncpg
import orjson
import structlog
from nats.js.api import AckPolicy, ConsumerConfig

from figures import Figure, show
from proximity.domain.application import events as app
from proximity.domain.application.spec import Probe, Resources, Spec, Template, WebAddress
from proximity.domain.model import Event
from proximity.messaging import subjects
from proximity.messaging.bootstrap import prepare
from proximity.messaging.codec import dataschema, encode
from proximity.messaging.connection import Bus, connect
from proximity.messaging.envelope import Actor, Metadata, to_headers
from proximity.messaging.event_store import EventStore
from proximity.readmodel.schema import schema_name
from proximity_launcher.nats_server import binary
from proximity_launcher.postgres_server import PostgresServer
from proximity_launcher.up.ports import accepts, free_ports
from proximity_projector import database, schemas
from proximity_projector.following import follow
from proximity_projector.health import Health
from proximity_projector.store import Store

RUNS = 3
BATCH = 1000
LEAST, SHARE = 10_000, 0.60
# so many deployments run at the same time, so that neighbours in the log are of different applications
AT_ONCE = 50


def deployment(op: str, name: str, vmid: int) -> list[Event]:
    """What a deployment writes, 14 events."""
    spec = Spec(
        recipe="turnkey-wordpress",
        recipe_version="18.2",
        runtime="template",
        template=Template(name="debian-12-turnkey-wordpress", version="18.2-1"),
        resources=Resources(cores=2, memory_mib=1024, disk_gib=8),
        probe=Probe(kind="tcp", port=12321),
        web=WebAddress(port=80),
        settings={"admin_email": "someone@example.org"},
    )
    steps: tuple[app.StepName, ...] = ("create", "configure", "start")
    create, configure, start = (
        app.StepIntended(operation_id=op, step=s, runner="r", attempt=1, node="pve1", vmid=vmid, node_time=1)
        for s in steps
    )
    return [
        app.DeployRequested(operation_id=op, name=name, slug=name, cluster_id="c1", node=None, spec=spec),
        app.PreflightPassed(
            operation_id=op,
            node="pve1",
            rootfs_storage="local-lvm",
            template_storage="local",
            template_volid="local:vztmpl/debian-12-turnkey-wordpress_18.2-1_amd64.tar.gz",
            template_present=True,
            reason="pve1: root disk on local-lvm (200 GiB free), 9000 MiB of memory free",
        ),
        app.VmidClaimed(operation_id=op, cluster_id="c1", node="pve1", vmid=vmid),
        create,
        app.TaskAccepted(operation_id=op, step="create", upid="UPID:pve1:0001:0002:68000000:vzcreate:20000:root@pam:"),
        app.ContainerCreated(operation_id=op, node="pve1", vmid=vmid),
        configure,
        app.ContainerConfigured(operation_id=op),
        start,
        app.TaskAccepted(operation_id=op, step="start", upid="UPID:pve1:0001:0002:68000000:vzstart:20000:root@pam:"),
        app.ContainerStarted(operation_id=op),
        app.AddressFound(operation_id=op, address="10.0.0.5"),
        app.ApplicationAnswered(operation_id=op),
        app.OperationSucceeded(operation_id=op, kind="deploy"),
    ]


def log(count: int) -> Iterator[tuple[str, str, int, Event]]:
    """Application, operation, version and event, of deployments that run AT_ONCE."""
    number = made = 0
    while made < count:
        running = []
        for _ in range(AT_ONCE):
            op = str(uuid4())
            running.append((str(uuid4()), op, deployment(op, f"app-{number}", 20000 + number)))
            number += 1
        for version in range(len(running[0][2])):
            for application_id, op, events in running:
                if made < count:
                    yield application_id, op, version + 1, events[version]
                    made += 1


async def fill(bus: Bus, count: int) -> int:
    """The position of the last event."""
    pending = []
    actor, now = Actor("user", str(uuid4())), datetime.now(UTC)
    for application_id, op, version, event in log(count):
        meta = Metadata(str(uuid4()), event.TYPE, bus.source, now, op, op, actor, "because", version=version)
        headers = to_headers(meta, f"application/{application_id}", application_id, dataschema(type(event)))
        subject = subjects.event("application", application_id)
        pending.append(await bus.js.publish_async(subject, encode(event), headers=headers))
        if len(pending) == 2000:
            await asyncio.gather(*pending)
            pending.clear()
    await asyncio.gather(*pending)
    return await EventStore(bus).head()


async def bare(bus: Bus, conn: asyncpg.Connection, last: int) -> float:
    """Events per second."""
    await conn.execute("DROP TABLE IF EXISTS bare; DROP TABLE IF EXISTS bare_checkpoint")
    await conn.execute("CREATE TABLE bare (id text PRIMARY KEY, position bigint NOT NULL, body jsonb NOT NULL)")
    await conn.execute("CREATE TABLE bare_checkpoint AS SELECT 0::bigint AS position")
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=60)
    begun = perf_counter()
    source = await bus.js.pull_subscribe(subjects.ALL_EVENTS, stream=subjects.EVENTS, config=config)
    at = 0
    while at < last:
        messages = await source.fetch(BATCH, timeout=5)
        rows = [(m.metadata.sequence.stream, m.subject, orjson.loads(m.data)) for m in messages]
        async with conn.transaction():
            moved = await conn.execute("UPDATE bare_checkpoint SET position = $1 WHERE position = $2", rows[-1][0], at)
            assert moved == "UPDATE 1"
            await conn.execute(
                "INSERT INTO bare SELECT * FROM unnest($1::text[], $2::bigint[], $3::jsonb[]) "
                "ON CONFLICT (id) DO UPDATE SET position = excluded.position, body = excluded.body",
                [f"{subject}/{position}" for position, subject, _ in rows],
                [position for position, _, _ in rows],
                [body for _, _, body in rows],
            )
        at = rows[-1][0]
    took = perf_counter() - begun
    await source.unsubscribe()
    return last / took


async def projector(bus: Bus, conn: asyncpg.Connection, last: int) -> float:
    """Events per second. Making the empty tables counts in."""
    begun = perf_counter()
    schema = schema_name(schemas.definitions(), secrets.token_hex(4))
    start = await schemas.open_or_create(conn, schema, schemas.definitions(), bus.installation_id)
    async with aclosing(follow(bus, Store(conn, schema, start), Health())) as rounds:
        async for reached in rounds:
            if reached.position >= last:
                break
    took = perf_counter() - begun
    await conn.execute(f"DROP SCHEMA {schema} CASCADE")
    return last / took


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[tuple[Bus, asyncpg.Connection]]:
    port = free_ports(1)[0]
    arguments = ("-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "nats"))
    nats = await asyncio.create_subprocess_exec(binary(), *arguments, stderr=asyncio.subprocess.DEVNULL)
    postgres = PostgresServer(folder / "postgres", secrets.token_urlsafe(16))
    try:
        await postgres.start()
        async with asyncio.timeout(15):
            while not await accepts(port):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        url = f"nats://127.0.0.1:{port}"
        await prepare(url, "admin", "none")
        bus = await connect(url, "projector", "projector", "none")
        conn = await database.connect(postgres.url, postgres.password)
        await schemas.prepare(conn)
        yield bus, conn
        await conn.close()
        await bus.close()
    finally:
        nats.terminate()
        await nats.wait()
        await postgres.stop()


async def measure(count: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with servers(Path(folder)) as (bus, conn):
            begun = perf_counter()
            last = await fill(bus, count)
            print(f"projector: log of {last:,} events filled in {perf_counter() - begun:.1f} s (default sync)")
            results: dict[str, list[float]] = {"bare loop": [], "projector": []}
            for _ in range(RUNS):
                results["bare loop"].append(await bare(bus, conn, last))
                results["projector"].append(await projector(bus, conn, last))
    rate, floor = (statistics.median(results[name]) for name in ("projector", "bare loop"))
    name = "projector catching up"
    return [Figure(name, rate, "events/s", floor=floor, target=LEAST, share=SHARE, at="least")]


def figures(count: int = 100_000) -> list[Figure]:
    return asyncio.run(measure(count))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    show(figures(parser.parse_args().events))

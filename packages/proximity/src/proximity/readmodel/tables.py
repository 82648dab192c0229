"""The tables a person's screen is made of. Written by the projector only, read by the api, rebuilt from the log.

They belong to no schema here: `schema.py` creates them in one that is named by the hash of these definitions. Read with
`conn.execution_options(schema_translate_map={None: schema})`.

Each row of ROWS carries `position`, the number in the log of the event that touched it last; `removed_at` marks what is
gone (a tombstone, kept for a week). Times are the log's. Bytes are bytes, `_mib` and `_gib` are what they say.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

metadata = MetaData()

Time = TIMESTAMP(timezone=True)
# None is SQL's NULL, never JSON's null
Json = JSONB(none_as_null=True)


def _id() -> Column[str]:
    return Column("id", Text, primary_key=True)


def _required(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _position() -> Column[int]:
    return Column("position", BigInteger, nullable=False, index=True)


# status: deploying, adopting, starting, running, shutting_down, stopping, stopped, restarting, releasing, deleting,
# failed, undecided; gone: its container is not there any more, which a finding explains
applications = Table(
    "applications",
    metadata,
    _id(),
    _required("name"),
    _required("slug"),
    _required("recipe"),
    _required("recipe_version"),
    # what its container is made of: template, oci; adopted: it was there before
    _required("runtime"),
    Column("adopted", Boolean, nullable=False),
    _required("status"),
    # running, stopped, absent
    _required("desired"),
    # what the container was last known to do: running, stopped, unknown; null: there is no container
    Column("power", Text),
    _required("cluster_id"),
    Column("node", Text),
    Column("vmid", BigInteger),
    # the last one known; null after it was stopped from here
    Column("address", Text),
    # where a person opens it; null while it has no address or does not run, or if it has no web page
    Column("url", Text),
    # {scheme, port, path} of the recipe, from which `url` is made
    Column("web", Json),
    # whether its health is asked for after a start
    Column("probed", Boolean, nullable=False),
    # the operation in flight: the one that was asked for last
    Column("operation_id", Text),
    Column("operation_kind", Text),
    Column("cores", Integer, nullable=False),
    Column("memory_mib", BigInteger, nullable=False),
    Column("disk_gib", BigInteger, nullable=False),
    # {code, message, proxmox} of the last operation, if it failed
    Column("failure", Json),
    # the findings that are open: key -> kind
    Column("findings", Json, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("removed_at", Time, index=True),
    _position(),
    Index("applications_by_slug", "slug", "id"),
    Index("applications_by_cluster", "cluster_id"),
)

# status: running, parked, succeeded, failed, rejected, cancelled, undecided
operations = Table(
    "operations",
    metadata,
    _id(),
    # deploy, adopt, start, shutdown, stop, restart, release, delete, cancel, resolve, accept_configuration,
    # connect, check, remove, ignore, notice
    _required("kind"),
    # the aggregate it is for: category and id, and its name if it ever had one
    _required("category"),
    _required("target"),
    _required("target_name"),
    _required("status"),
    # `type:id` of who asked for it
    _required("actor"),
    _required("reason"),
    # {code, message, proxmox}: why it failed, was rejected, or waits
    Column("cause", Json),
    # [{name, status: pending|running|done|failed|waiting, started_at, ended_at, detail}], times in ISO 8601
    Column("steps", Json, nullable=False),
    Column("accepted_at", Time, nullable=False),
    Column("ended_at", Time),
    # it is no longer carried on: what it made is taken back from the next safe point on
    Column("cancel_requested", Boolean, nullable=False),
    Column("deadline_passed", Boolean, nullable=False),
    # undecided: what a person runs on the node before telling how it ended
    Column("resolve_command", Text),
    Column("removed_at", Time, index=True),
    _position(),
    Index("operations_by_time", "accepted_at", "id"),
    Index("operations_by_target", "target", "accepted_at"),
)

# status: connecting, connected, unreachable, failed, removed
clusters = Table(
    "clusters",
    metadata,
    _id(),
    _required("name"),
    _required("slug"),
    _required("status"),
    Column("version", Text),
    Column("endpoints", Json, nullable=False),
    _required("token_id"),
    Column("fingerprint", Text),
    Column("simulator", Boolean, nullable=False),
    Column("first_vmid", BigInteger, nullable=False),
    Column("last_vmid", BigInteger, nullable=False),
    # feature -> rights it lacks
    Column("missing", Json, nullable=False),
    Column("failure", Json),
    Column("removed_at", Time, index=True),
    _position(),
)

# id: `<cluster>/<node>`
nodes = Table(
    "nodes",
    metadata,
    _id(),
    Column("cluster_id", Text, nullable=False, index=True),
    _required("name"),
    Column("online", Boolean, nullable=False),
    Column("cpus", Integer),
    Column("memory", BigInteger),
    Column("removed_at", Time, index=True),
    _position(),
)

# id: `<cluster>/<node>/<storage>`
storages = Table(
    "storages",
    metadata,
    _id(),
    Column("cluster_id", Text, nullable=False, index=True),
    _required("node"),
    _required("name"),
    _required("type"),
    Column("content", Json, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("total", BigInteger),
    Column("removed_at", Time, index=True),
    _position(),
)

# What Proxmox has and no application: id `<cluster>-<vmid>`.
guests = Table(
    "guests",
    metadata,
    _id(),
    _required("cluster_id"),
    Column("vmid", BigInteger, nullable=False),
    _required("node"),
    # lxc, qemu
    _required("type"),
    Column("name", Text),
    Column("template", Boolean, nullable=False),
    Column("tags", Json, nullable=False),
    Column("pool", Text),
    Column("ha", Boolean, nullable=False),
    Column("cores", Integer),
    Column("memory", BigInteger),
    Column("disk", BigInteger),
    # what it probably runs, guessed from its name and tags
    Column("app", Text),
    Column("port", Integer),
    Column("ignored", Boolean, nullable=False),
    Column("adoptable", Boolean, nullable=False),
    Column("removed_at", Time, index=True),
    _position(),
    Index("guests_by_place", "cluster_id", "vmid"),
)

# id: `<category>/<aggregate>/<key>`; those that are closed are tombstones
findings = Table(
    "findings",
    metadata,
    _id(),
    # application, guest, cluster
    _required("category"),
    Column("aggregate_id", Text, nullable=False, index=True),
    _required("subject_name"),
    Column("cluster_id", Text, nullable=False, index=True),
    # those of the domain; of clusters: cluster_away, certificate_changed, token_refused, rights_lost, node_offline; of
    # an operation in flight: deadline_passed, task_unseen
    _required("kind"),
    _required("message"),
    _required("expected"),
    _required("observed"),
    # {user, task, upid, at} of the task on Proxmox; null: by whom is not known
    Column("explained", Json),
    Column("opened_at", Time, nullable=False),
    Column("closed_at", Time),
    Column("removed_at", Time, index=True),
    _position(),
    Index("findings_by_time", "opened_at", "id"),
)

users = Table(
    "users",
    metadata,
    _id(),
    _required("username"),
    _required("role"),
    Column("removed_at", Time, index=True),
    _position(),
)

# One row per event a person may want to read about; id: the event's.
activity = Table(
    "activity",
    metadata,
    _id(),
    Column("at", Time, nullable=False),
    _required("category"),
    _required("aggregate_id"),
    _required("subject_name"),
    _required("type"),
    Column("operation_id", Text, index=True),
    _required("actor_type"),
    _required("actor_id"),
    _required("reason"),
    _required("summary"),
    Column("detail", Json, nullable=False),
    _position(),
    Index("activity_by_aggregate", "aggregate_id", "position"),
)

# Figures are the last value seen: no position, outside the checkpoint and outside "rebuild equals live".
node_figures = Table(
    "node_figures",
    metadata,
    _id(),
    # share of all CPUs, 0 to 1
    Column("cpu", Double),
    Column("memory_used", BigInteger),
    # its root file system
    Column("disk", BigInteger),
    Column("disk_used", BigInteger),
    # a second, averaged over a minute
    Column("netin", BigInteger),
    Column("netout", BigInteger),
    # seconds
    Column("uptime", BigInteger),
    Column("at", Time, nullable=False),
)

storage_figures = Table(
    "storage_figures",
    metadata,
    _id(),
    Column("used", BigInteger),
    Column("available", BigInteger),
    Column("at", Time, nullable=False),
)

# Also of the containers that applications have; id as that of a guest.
guest_figures = Table(
    "guest_figures",
    metadata,
    _id(),
    # running, stopped
    Column("status", Text),
    # share of the CPUs it has, 0 to 1
    Column("cpu", Double),
    Column("memory_used", BigInteger),
    Column("disk_used", BigInteger),
    # since its start
    Column("netin", BigInteger),
    Column("netout", BigInteger),
    # seconds
    Column("uptime", BigInteger),
    Column("at", Time, nullable=False),
)

# Those that a guest had when it was asked last; it has none while it does not run. Id as that of a guest.
guest_addresses = Table(
    "guest_addresses",
    metadata,
    _id(),
    # empty: it has none; null: it did not say
    Column("addresses", Json),
    Column("at", Time, nullable=False),
)

# One row (id 1): how much of the log is in the tables, all in the same transaction as the rows.
checkpoint = Table(
    "checkpoint",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    # fresh whenever the tables are built from nothing: positions of another epoch mean nothing here
    _required("epoch"),
    _required("schema_hash"),
    # the installation whose log it is: another log's positions mean nothing here either
    _required("installation_id"),
    # tombstones up to this position have been pruned: who was here before it cannot be told what went away
    Column("horizon", BigInteger, nullable=False),
    Column("updated_at", Time, nullable=False),
)

ROWS: tuple[Table, ...] = (applications, operations, clusters, nodes, storages, guests, findings, users, activity)
FIGURES: tuple[Table, ...] = (node_figures, storage_figures, guest_figures, guest_addresses)

"""What JetStream holds: streams, buckets, durables. The bootstrap makes them, services only bind."""

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from proximity.messaging import subjects

# How long a message id is remembered. A retry after it is told from a new message by other means: an append by its
# expected sequence and its own event id in the log, a command by the operations its aggregate has handled.
DUPLICATE_WINDOW = 120.0
LEASE_TTL = 10.0
SESSION_TTL = 12 * 3600.0
# In a stream's metadata: the backup that it is being restored from. No service works beside it, nothing is founded.
RESTORING = "proximity-restoring"

STREAMS: tuple[StreamConfig, ...] = (
    StreamConfig(
        name=subjects.EVENTS,
        description="Everything that ever happened. Nothing is ever removed.",
        subjects=[subjects.ALL_EVENTS],
        storage=StorageType.FILE,
        deny_delete=True,
        deny_purge=True,
        allow_atomic=True,
        allow_direct=True,
        duplicate_window=DUPLICATE_WINDOW,
    ),
    StreamConfig(
        name=subjects.COMMANDS,
        description="What was asked for and is not decided yet.",
        subjects=[subjects.ALL_COMMANDS],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        allow_direct=True,
        duplicate_window=DUPLICATE_WINDOW,
    ),
    StreamConfig(
        name=subjects.WAKE,
        description="Scheduled wake-ups. Hints: the state decides.",
        subjects=[subjects.ALL_WAKE],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        max_msgs_per_subject=1,
        allow_msg_ttl=True,
        allow_msg_schedules=True,
        duplicate_window=DUPLICATE_WINDOW,
    ),
    StreamConfig(
        name=subjects.OBSERVATIONS,
        description="The last figure of each thing observed. Not truth, and no position.",
        subjects=[subjects.ALL_OBSERVATIONS],
        storage=StorageType.FILE,
        max_msgs_per_subject=1,
        allow_direct=True,
        duplicate_window=DUPLICATE_WINDOW,
    ),
)


def _bucket(name: str, description: str, max_age: float | None = None) -> StreamConfig:
    return StreamConfig(
        name=subjects.bucket_stream(name),
        description=description,
        subjects=[subjects.bucket_keys(name)],
        storage=StorageType.FILE,
        max_msgs_per_subject=1,
        discard=DiscardPolicy.NEW,
        max_age=max_age,
        allow_direct=True,
        duplicate_window=min(DUPLICATE_WINDOW, max_age or DUPLICATE_WINDOW),
    )


# The key-value layout of NATS (ADR-8). No roll-up headers: a purge of a bucket by its users is not wanted.
VAULT = _bucket(subjects.VAULT, "Sealed secrets, write-once: nobody can overwrite one.")
VAULT.discard_new_per_subject = True
BUCKETS: tuple[StreamConfig, ...] = (
    VAULT,
    _bucket(subjects.CREDENTIALS, "Password hashes by user id."),
    _bucket(subjects.SESSIONS, "Sessions by the hash of their token.", SESSION_TTL),
    _bucket(subjects.LEASES, "Living replicas and taken slots; each renews its own.", LEASE_TTL),
)

# Every durable begins at the beginning (deliver all): whatever was stored before it was made is delivered, too.
_DURABLES: tuple[tuple[str, ConsumerConfig], ...] = (
    (
        subjects.COMMANDS,
        ConsumerConfig(
            durable_name=subjects.PROVISIONER_COMMANDS,
            description="All provisioner replicas; only the oldest command of an aggregate is decided.",
            filter_subject=subjects.ALL_COMMANDS,
            # a command that has to wait counts as pending: others must not wait for it
            max_ack_pending=100_000,
        ),
    ),
    (
        subjects.EVENTS,
        ConsumerConfig(
            durable_name=subjects.PROVISIONER_STEPS,
            description="What is to be done next.",
            filter_subjects=[subjects.events_of("application"), subjects.events_of("cluster")],
            max_ack_pending=10_000,
        ),
    ),
    (
        subjects.WAKE,
        ConsumerConfig(
            durable_name=subjects.PROVISIONER_WAKE,
            description="Wake-ups that are due.",
            filter_subject=subjects.ALL_DUE,
            max_ack_pending=10_000,
        ),
    ),
    (
        subjects.OBSERVATIONS,
        ConsumerConfig(
            durable_name=subjects.PROJECTOR_OBSERVATIONS,
            description="Figures for the read models.",
            filter_subject=subjects.ALL_OBSERVATIONS,
            max_ack_pending=10_000,
        ),
    ),
)


def durables() -> list[tuple[str, ConsumerConfig]]:
    """Stream and durable. Acknowledged one by one, redelivered after 10 s for ever: attempts are counted by us."""
    return [
        (
            stream,
            config.evolve(
                deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.EXPLICIT, ack_wait=10.0, max_deliver=-1
            ),
        )
        for stream, config in _DURABLES
    ]

"""What a run says: its progress, its figures, its violations, and the evidence it leaves."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.lab import Row, Simulated
from proximity.messaging.envelope import Recorded


class Violation(Exception):  # noqa: N818 - what is found, not an error
    """What does not hold, in sentences."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("\n".join(sentences))


@dataclass
class Report:
    """`ended_after`: seconds from healing to the end of the last operation, for each round."""

    trials: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)
    ended_after: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        statuses = Counter[str]()
        for (_, status), count in self.ends.items():
            statuses[status] += count
        waits = sorted(self.ended_after)
        return [
            f"{self.trials} trials in {self.seconds:.0f} s; all ended after {waits[len(waits) // 2]:.1f} s"
            f" (median), {waits[-1]:.1f} s (longest)",
            "operations: " + _counted(statuses),
            "failed because of: " + _counted(self.causes),
            "happened: " + _counted(self.happened),
            "also: " + _counted(self.facts),
        ]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"


async def keep(folder: Path, records: Iterable[Recorded[Any]], clusters: Iterable[Simulated]) -> None:
    """The event log and what the clusters are, beside the logs of the processes."""
    with (folder / "events.jsonl").open("w") as file:
        for record in records:
            file.write(json.dumps(_dumped(record), default=str) + "\n")
    seen = [{"guests": await cluster.guests(), "journal": await cluster.journal()} for cluster in clusters]
    (folder / "clusters.json").write_text(json.dumps(seen, indent=1))


def _dumped(record: Recorded[Any]) -> Row:
    meta = record.metadata
    return {
        "position": record.position,
        "at": record.stored_at,
        "of": record.aggregate_id,
        "version": meta.version,
        "type": meta.type,
        "correlation": meta.correlation_id,
        "actor": meta.actor.id,
        "event": record.event.model_dump(mode="json"),
    }


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

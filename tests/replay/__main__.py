"""`python -m replay FILE [area ...]`: replay recordings against a simulator of their own, print every difference."""

import asyncio
import itertools
import sys
from pathlib import Path

from .recording import Recording
from .session import Result, replay


def report(results: list[Result]) -> str:
    lines = []
    for area, group in itertools.groupby(results, key=lambda result: result.area):
        members = list(group)
        differing = [result for result in members if result.differences]
        lines.append(f"{area}: {len(differing)} of {len(members)} differ")
        for result in differing:
            lines += [f"  {result.id}: {difference}" for difference in result.differences]
    return "\n".join([*lines, summary(results)])


def summary(results: list[Result]) -> str:
    status = sum(result.status_differs for result in results)
    other = sum(bool(result.differences) and not result.status_differs for result in results)
    return f"status {status}, other {other}, of {len(results)}"


def main() -> int:
    if len(sys.argv) < 2:
        sys.stderr.write("usage: python -m replay FILE [area ...]\n")
        return 2
    try:
        recording = Recording.read(Path(sys.argv[1]))
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"replay: {error}\n")
        return 2
    sys.stdout.write(report(asyncio.run(replay(recording, sys.argv[2:]))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

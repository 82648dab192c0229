"""`python -m chaos --seed 1 --trials 200`: strikes real processes, and says whether every oracle held."""

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from chaos.plan import plan
from chaos.report import Report, Violation, say
from chaos.run import Run


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", default=str(secrets.randbelow(1_000_000)), help="replays a run (default: any)")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--stacks", type=int, default=1, help="so many side by side, which share the trials")
    parser.add_argument("--folder", type=Path, help="for data and logs (default: one that is kept if needed)")
    parser.add_argument("--plan", action="store_true", help="only print what would be done")
    given = parser.parse_args(arguments)
    if given.folder is not None and given.folder.exists():
        parser.error(f"{given.folder} is there already")
    return given


def seeds(seed: str, stacks: int) -> list[str]:
    """The first stack has the seed itself, so that it is replayed alone, too."""
    return [seed, *(f"{seed}.{number}" for number in range(2, stacks + 1))]


async def one(seed: str, trials: int, folder: Path) -> bool:
    """Whether every oracle held."""
    run = Run(seed, trials, folder)
    try:
        report = await run.run()
    except Violation as violation:
        say(f"[{seed}] VIOLATED, seed {seed}, {run.report.trials} of {trials} trials:\n{violation}")
        say(f"[{seed}] everything is in {folder}; again: make chaos SEED={seed} TRIALS={trials}")
        _tell(seed, run.report)
        return False
    _tell(seed, report)
    return True


def _tell(seed: str, report: Report) -> None:
    if report.ended_after:
        say("\n".join(f"[{seed}] {line}" for line in report.lines()))


async def main(given: argparse.Namespace) -> int:
    all_of_it = asyncio.current_task()
    if all_of_it is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, all_of_it.cancel)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="proximity-chaos-"))
    share = -(-given.trials // given.stacks)
    say(f"seed {given.seed}, {given.trials} trials, {given.stacks} stack(s), in {folder}")
    held = await asyncio.gather(*(one(seed, share, folder / seed) for seed in seeds(given.seed, given.stacks)))
    if not all(held):
        return 1
    if given.folder is None:
        shutil.rmtree(folder)
    say(f"every oracle held: seed {given.seed}, {share * given.stacks} trials")
    return 0


if __name__ == "__main__":
    asked = parse(sys.argv[1:])
    if asked.plan:
        for seed in seeds(asked.seed, asked.stacks):
            say("\n".join(f"[{seed}] {trial}" for trial in plan(seed, -(-asked.trials // asked.stacks))))
        sys.exit(0)
    try:
        sys.exit(asyncio.run(main(asked)))
    except asyncio.CancelledError:
        sys.exit(130)

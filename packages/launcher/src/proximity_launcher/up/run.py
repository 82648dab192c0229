"""The whole of `proximity up`: prepare, start in the order of need, say when it is ready, watch, end in reverse."""

import asyncio
import signal
import sys
from collections.abc import Awaitable

from proximity_launcher.up.data import DataFolder
from proximity_launcher.up.logs import rotate
from proximity_launcher.up.options import Options
from proximity_launcher.up.ports import LOOPBACK, check_free
from proximity_launcher.up.processes import Ledger
from proximity_launcher.up.stack import Stack

_LOGS_LOOKED_AT_EVERY = 60.0


def say(sentence: str) -> None:
    """Progress and trouble: beside the answer, which is the one ready line."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


async def run(options: Options) -> None:
    """Until Ctrl-C or SIGTERM; a second one ends everything at once. Raises Failure if it cannot start."""
    data = DataFolder(options.data)
    data.prepare()
    with data.held():
        ledger = Ledger(data.processes)
        if stale := ledger.end_stale():
            say(f"Ended what an earlier run had left behind: {', '.join(stale)}.")
        check_free(options.port, "PROXIMITY_PORT")
        stack = Stack(options, data, ledger, say)
        asked_to_stop = _asked_to_stop()
        try:
            await _until(asked_to_stop.wait(), stack.start())
            if not asked_to_stop.is_set():
                sys.stdout.write(f"ready: http://{LOOPBACK}:{options.port}/{await stack.landing()}\n")
                sys.stdout.flush()
                await _until(asked_to_stop.wait(), stack.broken(), _bounded_logs(data))
        finally:
            say("Stopping.")
            asked_to_stop.clear()
            data.running.unlink(missing_ok=True)
            await _end(stack, asked_to_stop)
            ledger.clear()


async def _end(stack: Stack, asked_again: asyncio.Event) -> None:
    ending = asyncio.create_task(stack.stop())
    await _until(asked_again.wait(), asyncio.shield(ending))
    if not ending.done():
        say("Ending everything at once.")
        await stack.stop(at_once=True)
        await ending


async def _until(*awaited: Awaitable[object]) -> None:
    """Returns when the first of them is done; the others are cancelled. A failure of one is raised."""
    tasks = [asyncio.ensure_future(each) for each in awaited]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _bounded_logs(data: DataFolder) -> None:
    while True:
        await asyncio.sleep(_LOGS_LOOKED_AT_EVERY)
        for log in data.logs.glob("*.log"):
            rotate(log)


def _asked_to_stop() -> asyncio.Event:
    event = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event

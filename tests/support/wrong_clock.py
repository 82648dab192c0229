"""A provisioner on a machine whose wall clock is wrong: `python -m support.wrong_clock`.

WRONG_CLOCK is how many seconds it is ahead (less than 0: behind). Several, such as `420,-300`: it jumps from one to the
next each second. Only the wall clock is wrong: what asyncio waits by, and the monotonic clock, are as they are.
"""

import datetime
import os
import runpy
import time
from datetime import UTC, tzinfo

_AHEAD = tuple(float(seconds) for seconds in os.environ["WRONG_CLOCK"].split(","))
_right, _monotonic = time.time, time.monotonic


def _wrong() -> float:
    return _right() + _AHEAD[int(_monotonic()) % len(_AHEAD)]


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "_Datetime":
        return cls.fromtimestamp(_wrong(), tz)

    @classmethod
    def utcnow(cls) -> "_Datetime":
        return cls.fromtimestamp(_wrong(), UTC).replace(tzinfo=None)


def main() -> None:
    time.time = _wrong
    time.time_ns = lambda: int(_wrong() * 1e9)
    datetime.datetime = _Datetime  # type: ignore[misc]
    runpy.run_module("proximity_provisioner", run_name="__main__")


if __name__ == "__main__":
    main()

"""What comes and goes all the time is not told each time, so that it does not fill the log. Pure."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

# What flaps has to be seen so many times in a row at most before it is said again.
MOST_SIGHTINGS = 12
FORGOTTEN = timedelta(minutes=10)
# Who looks again sooner sees nothing new of what flaps.
SIGHTING_EVERY = timedelta(seconds=4)

K = TypeVar("K")
S = TypeVar("S")


@dataclass(frozen=True)
class Flap:
    """Something that closed, or looked otherwise, `times` times lately. `sightings`: in how many sweeps in a row it is
    there again, or otherwise than it is told. `at`: of the last sighting, or of the closing.
    """

    times: int
    sightings: int
    at: datetime

    @property
    def enough(self) -> bool:
        return self.sightings >= min(1 << self.times, MOST_SIGHTINGS)


@dataclass(frozen=True)
class Memory(Generic[K, S]):
    """Of what opened and closed lately: what it is about (K), and as what it is told (S): another one is another
    occurrence. It is lost with its process.

    `open`: what was open at the last sweep. Something has closed when the log says so, not when it was meant to.
    """

    open: Mapping[K, S] = field(default_factory=dict)
    flaps: Mapping[K, Flap] = field(default_factory=dict)

    def after(
        self, open_: Mapping[K, S], seen: Mapping[K, S], at: datetime, unknown: Container[K] = ()
    ) -> "Memory[K, S]":
        """`seen`: what is there, open or not; `unknown`: of these nobody could tell now."""
        closed = [key for key, said in self.open.items() if open_.get(key) != said]
        flaps = {key: flap for key, flap in self.flaps.items() if at - flap.at < FORGOTTEN}
        for key in closed:
            flaps[key] = Flap(flaps[key].times + 1 if key in flaps else 1, 0, at)
        for key, flap in flaps.items():
            if key in unknown:
                continue
            if key not in seen or seen[key] == open_.get(key):
                flaps[key] = replace(flap, sightings=0)
            elif not flap.sightings or at - flap.at >= SIGHTING_EVERY:
                flaps[key] = replace(flap, sightings=flap.sightings + 1, at=at)
        return Memory(open_, flaps)

    def lets(self, key: K) -> bool:
        flap = self.flaps.get(key)
        return flap is None or flap.enough

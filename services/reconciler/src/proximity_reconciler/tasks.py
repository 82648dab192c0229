"""The tasks of a cluster as far as they were seen: whom to look at because of them, and what they explain. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from proximity.domain.drift import End
from proximity.domain.finding import Explanation
from proximity.proxmox.observe import Task

# How long a task is remembered that is not listed any more: what it did shows in a list or a look long before.
REMEMBERED = timedelta(minutes=15)
# A node's clock need not be the log's, and what a flapping finding needs to be told again is less.
CLOCKS_DIFFER = timedelta(minutes=2)

_STARTS = frozenset({"vzstart", "vzreboot", "vzresume", "hastart"})
_STOPS = frozenset({"vzstop", "vzshutdown", "vzsuspend", "vzdestroy", "hastop", "hashutdown"})
_POWER = frozenset({"vzstart", "vzstop", "vzshutdown", "vzreboot"})
_MAKES = frozenset({"vzcreate", "vzrestore", "vzclone"})
_MOVES = frozenset({"vzmigrate", "hamigrate", "harelocate"})
_REMOVES = frozenset({"vzdestroy", "qmdestroy"})
_LOCKS = frozenset({"vzdump", "vzsnapshot", "vzdelsnapshot", "vzrollback", *_MAKES, *_MOVES, *_REMOVES, "vztemplate"})

_RESETS = frozenset({"vzrollback", "vzrestore"})
_CHANGES_DISKS = _RESETS | {"resize", "move_volume"}
_DISK = re.compile(r"configuration_changed:(?:rootfs|mp\d+)")
_TAKES = _MAKES | {"qmcreate", "qmrestore", "qmclone"}

# what is explained -> the tasks that bring it about, among those after which it could be otherwise
_BY_KIND: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "stopped_outside": (_STOPS, _STARTS | _STOPS),
    "started_outside": (_STARTS, _STARTS | _STOPS),
    "gone": (_REMOVES, _REMOVES | _MAKES),
    "vmid_taken": (_TAKES, _REMOVES | _TAKES),
    # written by hand, a configuration is another without any task
    "configuration_changed": (_RESETS, _RESETS),
    "renamed": (_RESETS, _RESETS),
    "marker_removed": (_RESETS, _RESETS),
    "lock_left": (_LOCKS, _LOCKS),
    "orphan": (_MAKES, _MAKES),
    "marker_copied": (_MAKES, _MAKES),
    "moved": (_MOVES, _MOVES),
    # rights change without any task
    "unseen": (frozenset(), frozenset()),
}


class TaskLog:
    """`own`: the token's id; what it did itself explains nothing."""

    def __init__(self, own: str) -> None:
        self.own = own
        self._seen: dict[str, Task] = {}
        self._unlisted: dict[str, datetime] = {}
        self._looked = False

    def take(self, at: datetime, tasks: Iterable[Task]) -> dict[int, bool]:
        """The guests of foreign tasks that ended since the last time; True: only their power can be another."""
        finished: dict[int, bool] = {}
        listed = {task.upid: task for task in tasks}
        for upid, task in listed.items():
            before = self._seen.get(upid)
            news = before is None or before.running
            if self._looked and news and not task.running and task.user != self.own and task.id.isdecimal():
                vmid = int(task.id)
                finished[vmid] = finished.get(vmid, True) and task.type in _POWER
        self._remember(at, listed)
        self._looked = True
        return finished

    def _remember(self, at: datetime, listed: Mapping[str, Task]) -> None:
        """A node lists only its last tasks: what is not listed any more is remembered for a while."""
        self._unlisted = {upid: self._unlisted.get(upid, at) for upid in self._seen if upid not in listed}
        for upid in [upid for upid, since in self._unlisted.items() if at - since > REMEMBERED]:
            del self._seen[upid], self._unlisted[upid]
        self._seen |= listed

    def ends(self, upids: Iterable[str]) -> dict[str, End]:
        """Of those of them that were seen to have ended."""
        known = [self._seen[upid] for upid in upids if upid in self._seen]
        return {task.upid: End(task.exitstatus or "", task.endtime) for task in known if not task.running}

    def explanation(self, vmid: int, key: str, since: datetime) -> Explanation | None:
        """The newest task that could have brought it about, unless a later one made it otherwise or was ours. `key` of
        a finding, or `moved`. `since`: then it was not so yet, and what had ended before explains nothing. None: not
        known.
        """
        if _DISK.fullmatch(key):
            brings = matters = _CHANGES_DISKS
        else:
            brings, matters = _BY_KIND[key.partition(":")[0]]
        earliest = (since - CLOCKS_DIFFER).timestamp()
        about = [
            task
            for task in self._seen.values()
            if task.id == str(vmid) and task.type in matters and _lasted_until(task, earliest)
        ]
        # of two in the same second the one that brought it about was the later: it is so now
        task = max(about, key=lambda task: (task.starttime, task.type in brings), default=None)
        if task is None or task.type not in brings or task.user == self.own:
            return None
        return Explanation(user=task.user, task=task.type, upid=task.upid, at=task.starttime)


def _lasted_until(task: Task, at: float) -> bool:
    return task.running or (task.endtime or task.starttime) >= at

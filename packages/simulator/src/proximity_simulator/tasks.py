"""Worker tasks as pvedaemon runs and lists them."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from fakepve.model import PveError, TaskError
from fakepve.server import USER

from . import parameters
from .base import Base, Body, Values, refuse
from .calls import Record, current_call, current_task
from .faults import late_fault

UPID = re.compile(r"UPID:([a-zA-Z0-9.-]+):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:[^:\s]+:[^:\s]*:[^:\s]+:")
KEPT = 1000
"""Finished tasks that are kept: a real node forgets after 560 to 1120 of them."""
COMMON = ("upid", "node", "pid", "pstart", "starttime", "type", "id")
DIED = "unexpected status"
"""The exit status of a task whose worker did not come to its end."""
LOCKING = ("vzcreate", "vzrestore", "vzclone")


class Tasks(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.jobs: dict[str, asyncio.Task[None]] = {}
        self.hurry = asyncio.Event()

    async def pause(self, secs: float) -> None:
        """`secs` of Proxmox's time; over at once when the process is to end."""
        if secs > 0:
            try:
                await asyncio.wait_for(self.hurry.wait(), self.scaled(secs))
            except TimeoutError:
                return

    async def task(
        self, node: str, ttype: str, tid: Any, user: str, body: Body,
        vm: Any = None, lock: bool = True, log: Sequence[str] = (),
    ) -> str:  # fmt: skip
        upid, pid, start = self._upid(node, ttype, tid, user)
        record: Record = {
            "upid": upid, "node": node, "pid": pid, "pstart": pid * 7, "starttime": start, "type": ttype,
            "id": str(tid), "user": user, "status": "running", "log": list(log), "warnings": 0,
        }  # fmt: skip
        if self.faults.on_fork(record, current_call.get()):
            raise PveError(596, "Broken pipe")
        self.tasks[upid] = record
        self.tasklog.append(record)
        self._forget()
        self.jobs[upid] = asyncio.create_task(self._work(record, body, vm if lock else None, vm))
        return str(upid)

    def _upid(self, node: str, ttype: str, tid: Any, user: str) -> tuple[str, int, int]:
        pid, start = next(self._pids), int(self.clock(node))
        return f"UPID:{node}:{pid:08X}:{pid * 7:08X}:{start:08X}:{ttype}:{tid}:{user}:", pid, start

    def _newest_first(self) -> list[Record]:
        """Those that run, then the others by their end."""
        newest = self.tasklog[::-1]
        return sorted(newest, key=lambda record: bool(record["status"] != "running"))

    def _forget(self) -> None:
        while len(self.tasklog) > KEPT and self.tasklog[0]["status"] == "stopped":
            del self.tasks[self.tasklog.pop(0)["upid"]]

    async def _work(self, record: Record, body: Body, locked: Any, guest: Any) -> None:
        current_task.set(record)
        status = DIED
        try:
            if locked is not None:
                if locked.lock_holder is not None:
                    record["log"].append("trying to acquire lock...")
                await self.acquire(locked, record["upid"])
            try:
                note = await self._fated(record, body, guest)
            finally:
                if locked is not None:
                    self.release(locked, record["upid"])
            if note:
                record["log"].append(note)
            status = f"WARNINGS: {record['warnings']}" if record["warnings"] else "OK"
        except TaskError as error:
            status = str(error)
        except PveError as error:
            status = error.message
        except asyncio.CancelledError:
            status = "received interrupt"
            if record["type"] in LOCKING and guest is not None and guest.lock == "create":
                self._drop(guest)
        finally:
            self._ended(record, status)

    async def _fated(self, record: Record, body: Body, guest: Any) -> str | None:
        """Run the body, unless a fault was asked for on this task."""
        fault = self.faults.on_task(record, current_call.get())
        if fault is None:
            return await body()
        if fault.kind != "task_error":
            late_fault.set(fault)
            if fault.stage == "early":
                await self.meet_fault()
            note = await body()
            await self.meet_fault()
            return note
        if fault.effect:
            await body()
        else:
            await self.pause(0.5)
            if record["type"] in LOCKING and guest is not None:
                self._drop(guest)
        raise TaskError(fault.text)

    async def meet_fault(self) -> None:
        """Die or be held here, if that is what was asked for; once in a worker's life."""
        fault = late_fault.get()
        late_fault.set(None)
        if fault is not None and fault.kind == "task_killed":
            raise TaskError(DIED)
        if fault is not None:
            await fault.over.wait()

    def _ended(self, record: Record, status: str) -> None:
        good = status == "OK" or status.startswith("WARNINGS")
        if status != DIED:
            record["log"].append(f"TASK {status}" if good else f"TASK ERROR: {status}")
        record.update(status="stopped", exitstatus=status, endtime=int(self.clock(record["node"])))
        if record in self.tasklog:  # the list is by end, newest first
            self.tasklog.remove(record)
            self.tasklog.append(record)
        self.jobs.pop(record["upid"], None)
        self.changed()

    async def finish(self) -> None:
        """Let the tasks that run come to their end at once, before the process ends."""
        self.hurry.set()
        for fault in list(self.faults.all):
            self.faults.remove(fault)
        while self.jobs:
            await asyncio.wait(set(self.jobs.values()))

    # ------------------------------------------------------------------ views

    @staticmethod
    def _view(record: Record) -> dict[str, Any]:
        user, _, token = record["user"].partition("!")
        view = {key: record[key] for key in COMMON} | {"user": user}
        return view | {"tokenid": token} if token else view

    def _listed(self, record: Record) -> dict[str, Any]:
        if record["status"] == "running":
            running = {key: record[key] for key in COMMON}
            return running | {"user": record["user"], "status": "RUNNING", "saved": "0"}
        return self._view(record) | {"status": record["exitstatus"], "endtime": record["endtime"]}

    async def _task_list(self, request: web.Request) -> web.Response:
        user, node = request[USER], request.match_info["node"]
        asked = self._verify(request, await parameters.params(request))
        audit = self.allowed(user, f"/nodes/{node}", "Sys.Audit")
        found = [
            self._listed(record)
            for record in self._newest_first()
            if record["node"] == node and (audit or self._task_owner(user, record)) and _wanted(record, asked)
        ]
        start, limit = asked.get("start", 0), asked.get("limit", 50)
        body: dict[str, Any] = {"data": found[start : start + limit]}
        return web.json_response(body | {"total": len(found)} if found else body)

    def _task_of(self, request: web.Request) -> Record | None:
        upid, node = request.match_info["upid"], request.match_info["node"]
        if not UPID.fullmatch(upid):
            raise refuse(upid="unable to parse worker upid")
        record = self.task_record(upid)
        if record is None or record["node"] != node or self.faults.log_gone(record):
            return None
        if not self._task_owner(request[USER], record):
            self.require(request[USER], f"/nodes/{node}", "Sys.Audit")
        return record

    async def _task_status(self, request: web.Request) -> web.Response:
        record = self._task_of(request)
        if record is None:
            raise refuse(upid="no such task")
        view = self._view(record) | {"status": record["status"]}
        if record["status"] == "stopped":
            view["exitstatus"] = record["exitstatus"]
        return web.json_response({"data": view})

    async def _task_log(self, request: web.Request) -> web.Response:
        asked = self._verify(request, await parameters.params(request))
        record = self._task_of(request)
        lines = ["unable to open file - No such file or directory"]
        if record is not None:
            lines = record["log"] or ["no content"]
        start, limit = asked.get("start", 0), asked.get("limit", 50)
        page = [{"n": number + 1, "t": line} for number, line in enumerate(lines)]
        return web.json_response({"data": page[start : start + limit if limit else None], "total": len(lines)})

    def _routes_a_tasks(self) -> list[Any]:
        return [
            ("DELETE", "/nodes/{node}/tasks/{upid}", self._task_abort),
            ("GET", "/cluster/tasks", self._cluster_tasks),
            ("GET", "/nodes/{node}/tasks/{upid}", self._task_index),
        ]

    async def _task_index(self, values: Values, user: str) -> list[dict[str, str]]:
        return [{"name": "log"}, {"name": "status"}]

    async def _task_abort(self, values: Values, user: str) -> None:
        record = self.task_record(values["upid"])
        if record is None:
            raise refuse(upid="no such task")
        if not self._task_owner(user, record):
            self.require(user, f"/nodes/{values['node']}", "Sys.Modify")
        if (job := self.jobs.get(record["upid"])) is not None:
            job.cancel()

    async def _cluster_tasks(self, values: Values, user: str) -> list[dict[str, Any]]:
        """Nothing without Sys.Audit, not even the caller's own; 25 finished ones a node."""
        if not self.allowed(user, "/", "Sys.Audit"):
            return []
        shown, finished = [], dict.fromkeys(self.nodes, 0)
        for record in self._newest_first():
            listed = self._listed(record)
            if record["status"] == "stopped":
                finished[record["node"]] = finished.get(record["node"], 0) + 1
                if finished[record["node"]] > 25:
                    continue
                listed = {key: value for key, value in listed.items() if key not in ("pid", "pstart")} | {"saved": "1"}
            shown.append(listed)
        return shown

    @staticmethod
    def _task_owner(user: str, task: Record) -> bool:
        """A user sees its own tasks and those of its tokens; a token only its own."""
        return user in (task["user"], task["user"].split("!")[0])


def _wanted(record: Record, asked: Values) -> bool:
    """The filters of the task list. `archive`, the default source, lacks the running ones."""
    running = record["status"] == "running"
    exitstatus = record.get("exitstatus", "")
    source = asked.get("source", "archive")
    kind = "unknown"
    if not running:
        kind = "ok" if exitstatus == "OK" else "warning" if exitstatus.startswith("WARNINGS") else "error"
    # after its end a task's user is without the token part, and the filter then finds nothing by a token
    user = record["user"] if running else record["user"].split("!")[0]
    return not (
        (running and source == "archive")
        or (not running and source == "active")
        or (asked.get("vmid") is not None and record["id"] != str(asked["vmid"]))
        or (asked.get("typefilter") and record["type"] != asked["typefilter"])
        or (asked.get("userfilter") and asked["userfilter"] not in user)
        or (asked.get("since") is not None and record["starttime"] < asked["since"])
        or (asked.get("until") is not None and record["starttime"] > asked["until"])
        or (asked.get("errors") and kind == "ok")
        or (asked.get("statusfilter") and kind not in re.split("[,; ]", asked["statusfilter"]))
    )

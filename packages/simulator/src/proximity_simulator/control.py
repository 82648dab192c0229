"""The control port: faults, tokens, and a look at what really is. Plain HTTP and JSON, for tests and demonstrations."""

import asyncio
import json
from typing import Any

from aiohttp import web
from fakepve.lxc import FakeCt

from . import demo
from .faults import LASTING, Fault, UnknownFaultError
from .simulator import Simulator


class Control:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_problems])
        app.add_routes(
            [
                web.post("/faults", self.add_fault),
                web.get("/faults", self.faults),
                web.delete("/faults", self.clear_faults),
                web.delete("/faults/{id}", self.remove_fault),
                web.get("/journal", self.journal),
                web.get("/state", self.state),
                web.post(r"/guests/{vmid:\d+}/unlock", self.unlock),
                web.post(r"/guests/{vmid:\d+}/power-off", self.power_off),
                web.post("/reset", self.reset),
                web.get("/requests", self.requests),
                web.post("/tokens", self.add_token),
                web.delete("/tokens/{id}", self.revoke_token),
            ]
        )
        return app

    async def add_fault(self, request: web.Request) -> web.Response:
        """{"kind", "match": {"method", "path", "node", "vmid", "type"}, "times", "seconds", ...}; see faults.py."""
        asked = await request.json()
        fault = self._simulator.faults.add(asked.pop("kind", ""), asked.pop("match", None), **asked)
        try:
            self._simulator.place(fault)
        except KeyError as error:
            self._simulator.faults.remove(fault)
            raise UnknownFaultError(str(error.args[0])) from error
        if fault.kind in LASTING and fault.seconds:
            asyncio.get_running_loop().call_later(fault.seconds, self._simulator.lift, fault)
        return web.json_response(_shown(fault), status=201)

    async def faults(self, request: web.Request) -> web.Response:
        return web.json_response([_shown(fault) for fault in self._simulator.faults.all])

    async def clear_faults(self, request: web.Request) -> web.Response:
        for fault in list(self._simulator.faults.all):
            self._simulator.lift(fault)
        return web.Response(status=204)

    async def remove_fault(self, request: web.Request) -> web.Response:
        for fault in list(self._simulator.faults.all):
            if str(fault.id) == request.match_info["id"]:
                self._simulator.lift(fault)
        return web.Response(status=204)

    async def unlock(self, request: web.Request) -> web.Response:
        """What a person does with `pct unlock` in a shell on the node; the API has no such call."""
        guest = self._simulator.guest(int(request.match_info["vmid"]))
        if guest is None:
            return web.Response(status=404)
        guest.lock = None
        self._simulator.changed()
        return web.Response(status=204)

    async def power_off(self, request: web.Request) -> web.Response:
        """It goes down by itself, as after `poweroff` inside of it: no task tells of it."""
        guest = self._simulator.guest(int(request.match_info["vmid"]))
        if guest is None:
            return web.Response(status=404)
        guest.status, guest.started_at, guest.pid = "stopped", None, None
        self._simulator.changed()
        return web.Response(status=204)

    async def reset(self, request: web.Request) -> web.Response:
        """{"extra"}: so many small containers beside the demo's."""
        asked = await request.json() if request.can_read_body else {}
        await self._simulator.reset(demo.TOKEN)
        demo.populate(self._simulator, int(asked.get("extra", 0)))
        self._simulator.sweep()
        self._simulator.changed()
        return web.Response(status=204)

    async def journal(self, request: web.Request) -> web.Response:
        return web.json_response(self._simulator.journal.dump())

    async def requests(self, request: web.Request) -> web.Response:
        """The last API calls, oldest first; without their bodies."""
        return web.json_response([{"method": method, "path": path} for method, path, _ in self._simulator.requests])

    async def state(self, request: web.Request) -> web.Response:
        simulator = self._simulator
        nodes = {node: {"online": simulator.online(node)} for node in simulator.nodes}
        guests = [self._guest(guest) for guest in (*simulator.cts, *simulator.vms)]
        return web.json_response({"nodes": nodes, "guests": guests, "tasks_running": len(simulator.jobs),
                                  "calls_late": len(simulator.late)})  # fmt: skip

    def _guest(self, guest: Any) -> dict[str, Any]:
        container = isinstance(guest, FakeCt)
        return {
            "vmid": guest.vmid, "node": guest.node, "type": "lxc" if container else "qemu", "name": guest.name,
            "status": guest.status, "lock": guest.lock, "description": guest.config.get("description", ""),
            "address": self._simulator.address_of(guest) if container else None, "config": guest.config,
        }  # fmt: skip

    async def add_token(self, request: web.Request) -> web.Response:
        """{"id": "user@realm!name", "acl": [{"path", "privileges", "propagate"}], "secret"}; answers with its secret.

        With the secret it has, a token that is there only changes its rights.
        """
        asked = await request.json()
        if "!" not in asked.get("id", ""):
            raise UnknownFaultError("a token's id is user@realm!name")
        secret = self._simulator.add_token(asked["id"], asked.get("acl", []), asked.get("secret"))
        self._simulator.changed()
        return web.json_response({"token_id": asked["id"], "token_secret": secret}, status=201)

    async def revoke_token(self, request: web.Request) -> web.Response:
        found = self._simulator.revoke_token(request.match_info["id"])
        self._simulator.changed()
        return web.Response(status=204 if found else 404)


def _shown(fault: Fault) -> dict[str, Any]:
    return {"id": fault.id, "kind": fault.kind, "match": vars(fault.match), "times": fault.times,
            "seconds": fault.seconds, "struck": fault.struck}  # fmt: skip


@web.middleware
async def _problems(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except (UnknownFaultError, json.JSONDecodeError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return response

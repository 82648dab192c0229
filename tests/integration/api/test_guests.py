"""Guests: listed, looked at, adopted one by one and many at once, ignored; and adopted applications given back."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from integration.api.conftest import Api, Log, caught_up, connecting, until
from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.finding import Finding
from proximity.domain.guest import commands as guest_cmd
from proximity.domain.guest import events as guest_ev
from proximity.messaging import addresses, observations
from proximity.messaging.delivery import ReceivedCommand
from proximity.proxmox.connection import Connection
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from proximity_projector.figures import write_all
from support.servers import Database, Nats
from support.simulator import SimulatorProcess

STOPPED = Finding(key="stopped_outside", kind="stopped_outside", message="It is stopped and should be running.")


async def only_command(api: Api) -> ReceivedCommand:
    (command,) = await api.parts.commands.undecided()
    return command


async def current(api: Api) -> None:
    await caught_up(api, await api.parts.store.head())


class TestListing:
    async def test_filters_and_pages(self, signed_in: Api, projector: None, log: Log) -> None:
        home, office = await log.cluster("Home"), await log.cluster("Office")
        container = await log.guest(home, 105)
        machine = await log.guest(home, 1000, type="qemu", name="windows")
        template = await log.guest(home, 900, template=True)
        elsewhere = await log.guest(office, 105)
        await log.append("guest", elsewhere, guest_ev.GuestIgnored(operation_id=str(uuid4())))
        gone = await log.guest(office, 106)
        await log.append("guest", gone, guest_ev.GuestGone())
        await current(signed_in)

        async def ids(**params: Any) -> list[str]:
            return [row["id"] for row in (await signed_in.get("/guests", **params)).json()["items"]]

        assert await ids(cluster_id=home) == [container, template, machine], "by number"
        assert set(await ids(adoptable="true")) == {container, elsewhere}
        assert await ids(adoptable="true", ignored="false") == [container]
        assert await ids(ignored="true") == [elsewhere]
        first = (await signed_in.get("/guests", limit=2)).json()
        rest = (await signed_in.get("/guests", limit=2, cursor=first["next"])).json()
        assert {row["id"] for row in first["items"] + rest["items"]} == {container, machine, template, elsewhere}
        assert rest["next"] is None

    async def test_with_the_last_figures_seen(
        self, signed_in: Api, projector: None, log: Log, nats: Nats, database: Database
    ) -> None:
        cluster_id = await log.cluster()
        guest_id = await log.guest(cluster_id)
        application_id = await log.adopted(cluster_id, vmid=106)
        await current(signed_in)
        writing = asyncio.create_task(write_all(await nats.connect("projector"), connecting(database)))
        running = {"status": "running", "cpu": 0.25, "memory_used": 7, "netin": 1, "uptime": 60}
        bus = await nats.connect("reconciler")
        await addresses.tell(bus, cluster_id, 105, "pve2", ["10.0.0.5"])
        await observations.publish(bus, "guests", f"{cluster_id}/pve2", {"105": running, "106": running})

        async def seen() -> bool:
            row = (await signed_in.get(f"/guests/{guest_id}")).json()
            shown = (row["status"], row["cpu"], row["memory_used"], row["addresses"])
            return shown == ("running", 0.25, 7, ["10.0.0.5"])

        async def listed_without() -> bool:
            [row] = (await signed_in.get("/guests")).json()["items"]
            return (row["status"], row["addresses"]) == ("stopped", [])

        try:
            await until(seen)
            screen = (await signed_in.get("/snapshot", guests=True)).json()
            async with signed_in.stream(after=screen["position"], epoch=screen["epoch"]) as frames:
                await addresses.tell(bus, cluster_id, 105, "pve2", ["10.0.0.6"])
                told: list[Any] = []
                while told != [(guest_id, ["10.0.0.6"])]:
                    frame = await frames.next()
                    if frame.event == "figures":
                        told = [(row["id"], row["addresses"]) for row in frame.data.get("addresses", ())]
            await observations.publish(bus, "guests", f"{cluster_id}/pve2", {"105": running | {"status": "stopped"}})
            await until(listed_without)
        finally:
            writing.cancel()
            await asyncio.wait({writing})
        assert [row["addresses"] for row in screen["figures"]["addresses"]] == [["10.0.0.5"]]
        assert (await signed_in.get("/snapshot")).json()["figures"]["addresses"] == []
        figures = (await signed_in.get("/snapshot")).json()["figures"]["guests"]
        assert [row["id"] for row in figures] == [f"{cluster_id}-106"], "those of applications only"
        figures = (await signed_in.get("/snapshot", guests=True)).json()["figures"]["guests"]
        assert [row["id"] for row in figures] == [f"{cluster_id}-105", f"{cluster_id}-106"]
        assert (await signed_in.get(f"/applications/{application_id}")).json()["adopted"] is True

    async def test_the_snapshot_has_the_guests_on_demand_and_the_stream_their_changes(
        self, signed_in: Api, projector: None, log: Log
    ) -> None:
        cluster_id = await log.cluster()
        first = await log.guest(cluster_id)
        await current(signed_in)
        screen = (await signed_in.get("/snapshot")).json()
        assert "guests" not in screen
        whole = await signed_in.get("/snapshot", guests=True)
        assert [row["id"] for row in whole.json()["guests"]] == [first]
        assert whole.headers["content-encoding"] == "gzip"
        assert screen["findings"] == []
        async with signed_in.stream(after=screen["position"], epoch=screen["epoch"]) as frames:
            guest_id = await log.guest(cluster_id, 106)
            change = (await frames.next()).data["changes"][0]
            assert (change["table"], change["id"], change["row"]["vmid"]) == ("guests", guest_id, 106)
            await log.append("guest", guest_id, guest_ev.GuestGone())
            changes = (await frames.next()).data["changes"]
            assert {"table": "guests", "id": guest_id, "row": None} in changes


class TestLooking:
    async def test_a_look_shows_what_adopting_would_write(
        self, signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess, nats: Nats
    ) -> None:
        cluster_id = await log.simulated(signed_in, simulator)
        there = next(g for g in simulator.guests() if g["type"] == "lxc" and g["status"] == "running")
        guest_id = await log.guest(cluster_id, there["vmid"], node=there["node"], name=there["name"])
        await current(signed_in)
        seen = (await signed_in.get(f"/guests/{guest_id}")).json()
        assert seen["unseen"] is None
        look = seen["look"]
        assert (look["hostname"], look["status"]) == (there["name"], "running")
        assert look["addresses"]
        told = await addresses.told(await nats.connect("reconciler"), cluster_id)
        assert told[there["vmid"]].node == there["node"], "lists are to show them, too"
        installation = signed_in.parts.bus.installation_id
        assert look["writes"]["line"] == f"proximity:{installation}:<application>:<operation>:{there['vmid']}"
        assert look["writes"]["tag"] == "proximity"

    async def test_a_look_leaves_out_our_lines_and_what_may_be_secret(
        self, signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess
    ) -> None:
        cluster_id = await log.simulated(signed_in, simulator)
        at = simulator.connection()
        proxmox = ProxmoxHypervisor(Connection((at.url,), at.token_id, at.token_secret, at.fingerprint))
        marker = "proximity:other:a:b:105"
        values = {"description": f"first\n{marker}\nlast", "env": "PASSWORD=canary-value"}
        digest = (await proxmox.guest_config("pve2", 105)).digest
        await proxmox.configure_container("pve2", 105, values, digest)
        proxmox.close()
        guest_id = await log.guest(cluster_id)
        await current(signed_in)
        answer = await signed_in.get(f"/guests/{guest_id}")
        assert answer.json()["look"]["description"] == "first\nlast"
        assert (answer.json()["look"]["status"], answer.json()["look"]["addresses"]) == ("stopped", [])
        assert "canary-value" not in answer.text
        assert marker not in answer.text

    async def test_what_cannot_be_looked_at_says_why(
        self, signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess
    ) -> None:
        cluster_id = await log.simulated(signed_in, simulator)
        machine = await log.guest(cluster_id, 900, type="qemu")
        moved = await log.guest(cluster_id, 998, node="pve1")
        secret = await signed_in.parts.vault.seal("canary")
        away = await log.guest(await log.cluster("Away", endpoints=("https://127.0.0.1:1",), token_secret=secret))
        erased = await log.guest(await log.cluster("Erased"))
        await current(signed_in)
        for guest_id, words in (
            (machine, "virtual machine"),
            (moved, "not on that node"),
            (away, "127.0.0.1:1"),
            (erased, "secret of its API token"),
        ):
            seen = (await signed_in.get(f"/guests/{guest_id}")).json()
            assert seen["look"] is None
            assert words in seen["unseen"], guest_id

    async def test_many_who_look_ask_once(
        self, signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess
    ) -> None:
        cluster_id = await log.simulated(signed_in, simulator)
        there = next(g for g in simulator.guests() if g["type"] == "lxc")
        guest_id = await log.guest(cluster_id, there["vmid"], node=there["node"])
        await current(signed_in)
        before = len(_asked(simulator, f"/lxc/{there['vmid']}/config"))
        answers = await asyncio.gather(*(signed_in.get(f"/guests/{guest_id}") for _ in range(10)))
        assert {answer.status_code for answer in answers} == {200}
        assert len(_asked(simulator, f"/lxc/{there['vmid']}/config")) == before + 1

    async def test_a_guest_that_nobody_knows(self, signed_in: Api, projector: None, log: Log) -> None:
        cluster_id = await log.cluster()
        await current(signed_in)
        assert (await signed_in.get(f"/guests/{cluster_id}-105")).json()["code"] == "not_found"
        assert (await signed_in.get("/guests/x")).status_code == 422


class TestAdopting:
    async def test_the_command_holds_what_the_guest_is(self, signed_in: Api, log: Log) -> None:
        """Also while no read model is there."""
        cluster_id = await log.cluster()
        guest_id = await log.guest(cluster_id, memory=1536 * 2**20, disk=2**32 - 2**27)
        body = {"name": "My Unifi", "port": 8443, "path": "/manage"}
        answer = await signed_in.post(f"/guests/{guest_id}/adopt", body)
        assert answer.status_code == 202
        command = (await only_command(signed_in)).command
        assert isinstance(command, cmd.AdoptGuest)
        assert command.application_id == answer.json()["application_id"]
        assert (command.cluster_id, command.node, command.vmid) == (cluster_id, "pve2", 105)
        assert (command.name, command.spec.runtime, command.spec.recipe) == ("My Unifi", "adopted", "adopted")
        assert command.spec.resources.model_dump() == {"cores": 2, "memory_mib": 1536, "disk_gib": 4}
        assert command.spec.web is not None
        assert command.spec.web.model_dump() == {"scheme": "https", "port": 8443, "path": "/manage"}

    @pytest.mark.parametrize(
        ("facts", "body", "web"),
        [
            ({}, {}, None),
            ({"port": 8080}, {}, ("http", 8080)),
            ({"port": 8080}, {"port": 9000}, ("http", 9000)),
            ({}, {"scheme": "https"}, ("https", 443)),
        ],
    )
    async def test_where_it_is_opened_is_guessed(
        self, signed_in: Api, log: Log, facts: dict[str, Any], body: dict[str, Any], web: tuple[str, int] | None
    ) -> None:
        guest_id = await log.guest(await log.cluster(), cores=None, memory=None, disk=None, **facts)
        await signed_in.post(f"/guests/{guest_id}/adopt", body)
        command = (await only_command(signed_in)).command
        assert isinstance(command, cmd.AdoptGuest)
        assert command.name == "unifi"
        found = command.spec.web
        assert (found and (found.scheme, found.port)) == web

    async def test_what_cannot_be_adopted(self, signed_in: Api, log: Log) -> None:
        cluster_id = await log.cluster()
        machine = await log.guest(cluster_id, 110, type="qemu")
        template = await log.guest(cluster_id, 111, template=True)
        taken = await log.guest(cluster_id, 112)
        await log.append("guest", taken, guest_ev.GuestAdopted(application_id=str(uuid4())))
        for guest_id in (machine, template, taken):
            answer = await signed_in.post(f"/guests/{guest_id}/adopt", {})
            assert (answer.status_code, answer.json()["code"]) == (409, "not_adoptable"), guest_id
        answer = await signed_in.post(f"/guests/{cluster_id}-999/adopt", {})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        named = await log.guest(cluster_id, 113)
        answer = await signed_in.post(f"/guests/{named}/adopt", {"name": "---", "port": 8080})
        assert [error["field"] for error in answer.json()["errors"]] == ["name"]
        for wrong in ({"port": 0}, {"path": "x"}, {"path": "/a b"}, {"scheme": "ftp"}, {"more": 1}):
            assert (await signed_in.post(f"/guests/{named}/adopt", wrong)).status_code == 422, wrong
        assert await signed_in.parts.commands.undecided() == []

    @pytest.mark.parametrize("keyed", [True, False])
    async def test_the_same_request_is_one_adoption_whatever_became_of_the_guest(
        self, signed_in: Api, log: Log, keyed: bool
    ) -> None:
        """Also if its first answer was that nobody knew whether it was stored, and the key to repeat it with."""
        guest_id, key = await log.guest(await log.cluster()), str(uuid4())
        path = f"/guests/{guest_id}/adopt"
        if keyed:
            first = await signed_in.post(path, {}, **{"Idempotency-Key": key})
            assert (await signed_in.post(path, {}, **{"Idempotency-Key": key})).json() == first.json()
            assert (await signed_in.post(path, {"port": 1}, **{"Idempotency-Key": key})).status_code == 422
        else:
            first = await signed_in.post(path, {})
            key = first.json()["operation_id"]
        command = (await only_command(signed_in)).command
        assert isinstance(command, cmd.AdoptGuest)
        requested = ev.AdoptRequested(
            **command.model_dump(include={"operation_id", "name", "cluster_id", "node", "vmid"}),
            slug="unifi",
            spec=command.spec,
        )
        await log.append("application", command.application_id, requested)
        await log.append("guest", guest_id, guest_ev.GuestAdopted(application_id=command.application_id))
        again = await signed_in.post(path, {}, **{"Idempotency-Key": key})
        assert (again.status_code, again.json()) == (202, first.json())
        assert (await signed_in.post(path, {})).json()["code"] == "not_adoptable"

    async def test_a_viewer_may_look_and_not_adopt(self, signed_in: Api, projector: None, log: Log) -> None:
        guest_id = await log.guest(await log.cluster())
        await current(signed_in)
        signed_in.use(await signed_in.parts.sessions.open(str(uuid4()), "bob", "viewer"))
        for path in ("/guests", "/findings"):
            assert (await signed_in.get(path)).status_code == 200
        for path in (f"/guests/{guest_id}/{verb}" for verb in ("adopt", "ignore", "notice")):
            assert (await signed_in.post(path, {})).json()["code"] == "not_allowed"
        for path, many in (
            ("/guests/adopt", {"guests": [{"id": guest_id}]}),
            ("/guests/ignore", {"guests": [guest_id]}),
            ("/guests/notice", {"guests": [guest_id]}),
            ("/applications/release", {"applications": [str(uuid4())]}),
            (f"/applications/{uuid4()}/release", None),
        ):
            assert (await signed_in.post(path, many)).json()["code"] == "not_allowed"

    async def test_ignoring_and_noticing_are_commands_for_the_guest(self, signed_in: Api, log: Log) -> None:
        guest_id = await log.guest(await log.cluster())
        for verb in ("ignore", "notice"):
            assert (await signed_in.post(f"/guests/{guest_id}/{verb}")).status_code == 202
        stored = await signed_in.parts.commands.undecided()
        assert {(command.category, command.aggregate_id) for command in stored} == {("guest", guest_id)}
        assert {type(command.command) for command in stored} == {guest_cmd.IgnoreGuest, guest_cmd.NoticeGuest}


class TestManyAtOnce:
    async def test_each_is_an_operation_and_a_repeat_is_the_same_ones(self, signed_in: Api, log: Log) -> None:
        cluster_id, key = await log.cluster(), str(uuid4())
        ids = [await log.guest(cluster_id, vmid, name=f"ct{vmid}") for vmid in range(200, 230)]
        operations = await _asked_thrice(signed_in, "/guests/adopt", {"guests": [{"id": id_} for id_ in ids]}, key)
        assert [row["guest_id"] for row in operations] == ids
        stored = {command.metadata.id: command for command in await signed_in.parts.commands.undecided()}
        assert set(stored) == {row["operation_id"] for row in operations}
        for row in operations:
            command = stored[row["operation_id"]]
            assert command.aggregate_id == row["application_id"]
            assert command.metadata.correlation_id == row["operation_id"]

    async def test_those_that_cannot_say_why_and_the_others_are_adopted(self, signed_in: Api, log: Log) -> None:
        cluster_id = await log.cluster()
        good, machine = await log.guest(cluster_id, 200), await log.guest(cluster_id, 201, type="qemu")
        body = {"guests": [{"id": good, "name": "Mine"}, {"id": machine}, {"id": f"{cluster_id}-202"}]}
        operations = (await signed_in.post("/guests/adopt", body)).json()["operations"]
        assert [row.get("problem", {}).get("code") for row in operations] == [None, "not_adoptable", "not_found"]
        command = (await only_command(signed_in)).command
        assert isinstance(command, cmd.AdoptGuest)
        assert command.name == "Mine"

    async def test_with_none_accepted_it_is_a_problem(self, signed_in: Api, log: Log) -> None:
        machine = await log.guest(await log.cluster(), 201, type="qemu")
        answer = await signed_in.post("/guests/adopt", {"guests": [{"id": machine}]})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_adoptable")
        for wrong in ([], [{"id": machine}, {"id": machine}], [{"id": "x"}]):
            assert (await signed_in.post("/guests/adopt", {"guests": wrong})).status_code == 422

    @pytest.mark.parametrize(
        ("path", "command"), [("/guests/ignore", guest_cmd.IgnoreGuest), ("/guests/notice", guest_cmd.NoticeGuest)]
    )
    async def test_many_are_ignored_or_offered_again(
        self, signed_in: Api, path: str, command: type[guest_cmd.IgnoreGuest | guest_cmd.NoticeGuest]
    ) -> None:
        cluster_id, key = str(uuid4()), str(uuid4())
        ids = [f"{cluster_id}-{vmid}" for vmid in range(200, 220)]
        operations = await _asked_thrice(signed_in, path, {"guests": ids}, key)
        assert [row["guest_id"] for row in operations] == ids
        stored = {s.aggregate_id: s for s in await signed_in.parts.commands.undecided()}
        assert [(row["guest_id"], row["operation_id"]) for row in operations] == [
            (guest_id, stored[guest_id].metadata.id) for guest_id in ids
        ]
        assert [stored[row["guest_id"]].command for row in operations] == [
            command(operation_id=row["operation_id"], guest_id=row["guest_id"]) for row in operations
        ]
        reused = await signed_in.post(path, {"guests": ids[:1]}, **{"Idempotency-Key": key})
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")

    async def test_many_are_given_back(self, signed_in: Api) -> None:
        ids = [str(uuid4()) for _ in range(10)]
        operations = await _asked_thrice(signed_in, "/applications/release", {"applications": ids}, str(uuid4()))
        stored = [s.command for s in await signed_in.parts.commands.undecided()]
        assert len(stored) == len(operations)
        for row, application_id in zip(operations, ids, strict=True):
            assert row["application_id"] == application_id
            released = cmd.ReleaseApplication(operation_id=row["operation_id"], application_id=application_id)
            assert released in stored

    async def test_what_is_named_twice_or_wrong_or_is_too_much_is_refused_whole(self, signed_in: Api) -> None:
        guest_id, application_id = f"{uuid4()}-100", str(uuid4())
        many = [f"{uuid4()}-100" for _ in range(201)]
        for wrong in ([], [guest_id, guest_id], ["x"], many):
            for verb in ("ignore", "notice"):
                assert (await signed_in.post(f"/guests/{verb}", {"guests": wrong})).status_code == 422, wrong
        for wrong in ([], [application_id, application_id], ["x"]):
            answer = await signed_in.post("/applications/release", {"applications": wrong})
            assert answer.status_code == 422, wrong
        assert await signed_in.parts.commands.undecided() == []


async def _asked_thrice(api: Api, path: str, body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """At once, as one that was not answered is repeated: the same operations each time."""
    answers = await asyncio.gather(*(api.post(path, body, **{"Idempotency-Key": key}) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {202}
    first: list[dict[str, Any]] = answers[0].json()["operations"]
    assert all(answer.json()["operations"] == first for answer in answers)
    return first


class TestGivingBack:
    async def test_release_is_its_command(self, signed_in: Api) -> None:
        application_id = str(uuid4())
        answer = await signed_in.post(f"/applications/{application_id}/release")
        stored = await only_command(signed_in)
        assert stored.command == cmd.ReleaseApplication(
            operation_id=answer.json()["operation_id"], application_id=application_id
        )

    @pytest.mark.parametrize("query", ["", "&name=unifi", "&name=Unifi%20"])
    async def test_what_was_adopted_is_destroyed_only_by_its_exact_name(
        self, signed_in: Api, log: Log, query: str
    ) -> None:
        application_id = await log.adopted(await log.cluster())
        path = f"/applications/{application_id}"
        answer = await signed_in.delete(f"{path}?destroy=true{query}")
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["name"]
        assert await signed_in.parts.commands.undecided() == []
        assert (await signed_in.delete(f"{path}?destroy=true&name=Unifi")).status_code == 202
        command = (await only_command(signed_in)).command
        assert isinstance(command, cmd.DeleteApplication)
        assert command.destroy is True

    async def test_without_that_it_is_given_back(self, signed_in: Api, log: Log) -> None:
        application_id = await log.adopted(await log.cluster())
        await signed_in.delete(f"/applications/{application_id}")
        command = (await only_command(signed_in)).command
        assert isinstance(command, cmd.DeleteApplication)
        assert command.destroy is False


class TestFindings:
    async def test_open_ones_are_listed_shown_with_their_application_and_in_the_stream(
        self, signed_in: Api, projector: None, log: Log
    ) -> None:
        home, office = await log.cluster("Home"), await log.cluster("Office")
        here, there = await log.adopted(home), await log.adopted(office, "Other", vmid=106)
        for application_id in (here, there):
            await log.append("application", application_id, ev.FindingOpened(finding=STOPPED))
        await current(signed_in)
        (found,) = (await signed_in.get("/findings", cluster_id=home)).json()["items"]
        assert (found["aggregate_id"], found["kind"], found["subject_name"]) == (here, "stopped_outside", "Unifi")
        assert [f["aggregate_id"] for f in (await signed_in.get("/findings", about=there)).json()["items"]] == [there]
        assert [f["aggregate_id"] for f in (await signed_in.get("/findings")).json()["items"]] == [there, here]
        application = (await signed_in.get(f"/applications/{here}")).json()
        assert (application["status"], application["findings"]) == (
            "stopped",
            {"stopped_outside": "stopped_outside"},
        )
        screen = (await signed_in.get("/snapshot")).json()
        assert {row["aggregate_id"] for row in screen["findings"]} == {here, there}
        async with signed_in.stream(after=screen["position"], epoch=screen["epoch"]) as frames:
            await log.append("application", here, ev.FindingClosed(key="stopped_outside"))
            changes = {change["table"]: change for change in (await frames.next()).data["changes"]}
        assert changes["findings"]["row"] is None
        assert changes["applications"]["row"]["status"] == "running"
        assert [f["aggregate_id"] for f in (await signed_in.get("/findings")).json()["items"]] == [there]


def _asked(simulator: SimulatorProcess, end: str) -> list[dict[str, str]]:
    return [request for request in simulator.requests() if request["path"].endswith(end)]

"""Commands in: what is stored, what is answered, and that a repeat is the same request and another one is not."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from integration.api.conftest import Api, Log, caught_up, until
from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.identity.identity import Role
from proximity.domain.operation.cause import Cause
from proximity.domain.operation.events import CommandRejected
from proximity.messaging.delivery import ReceivedCommand
from proximity_api.settings import Settings
from support.servers import Nats

Replica = Callable[[], AbstractAsyncContextManager[Api]]


async def only_command(api: Api) -> ReceivedCommand:
    (command,) = await api.parts.commands.undecided()
    return command


async def test_a_start_is_stored_and_answered_with_its_operation(signed_in: Api) -> None:
    application_id = str(uuid4())
    answer = await signed_in.post(f"/applications/{application_id}/start?reason=after%20work")
    assert answer.status_code == 202
    operation_id = answer.json()["operation_id"]
    assert answer.headers["location"] == f"/api/v1/operations/{operation_id}"
    stored = await only_command(signed_in)
    assert stored.command == cmd.StartApplication(operation_id=operation_id, application_id=application_id)
    assert stored.metadata.id == stored.metadata.correlation_id == operation_id
    assert stored.metadata.reason == "after work"
    me = (await signed_in.get("/me")).json()["id"]
    assert (stored.metadata.actor.type, stored.metadata.actor.id) == ("user", me)


@pytest.mark.parametrize(
    ("verb", "command"),
    [("shutdown", cmd.ShutdownApplication), ("stop", cmd.StopApplication), ("restart", cmd.RestartApplication)],
)
async def test_each_verb_is_its_command(signed_in: Api, verb: str, command: type[Any]) -> None:
    await signed_in.post(f"/applications/{uuid4()}/{verb}")
    assert type((await only_command(signed_in)).command) is command


async def test_delete_takes_its_word_in_the_query(signed_in: Api) -> None:
    await signed_in.delete(f"/applications/{uuid4()}?force=true")
    command = (await only_command(signed_in)).command
    assert isinstance(command, cmd.DeleteApplication)
    assert command.force is True


async def test_a_trace_is_carried_on_and_nonsense_is_not(signed_in: Api) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for sent in (trace, "00-zz"):
        await signed_in.post(f"/applications/{uuid4()}/start", traceparent=sent)
    assert [c.metadata.traceparent for c in await signed_in.parts.commands.undecided()] == [trace, ""]


class TestIdempotency:
    async def test_the_same_request_is_stored_once_and_answered_the_same(self, signed_in: Api) -> None:
        key, path = str(uuid4()), f"/applications/{uuid4()}/start"
        first = await signed_in.post(path, **{"Idempotency-Key": f'"{key}"'})
        second = await signed_in.post(path, **{"Idempotency-Key": key})
        assert first.json() == second.json() == {"operation_id": key}
        assert (await only_command(signed_in)).metadata.id == key

    @pytest.mark.parametrize("other", ["target", "verb", "query"])
    async def test_another_request_with_the_key_is_refused(self, signed_in: Api, other: str) -> None:
        key, target = str(uuid4()), uuid4()
        await signed_in.post(f"/applications/{target}/start", **{"Idempotency-Key": key})
        path = {
            "target": f"/applications/{uuid4()}/start",
            "verb": f"/applications/{target}/stop",
            "query": f"/applications/{target}/start?reason=other",
        }[other]
        answer = await signed_in.post(path, **{"Idempotency-Key": key})
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"
        assert isinstance((await only_command(signed_in)).command, cmd.StartApplication)

    async def test_another_person_with_the_key_is_refused(self, signed_in: Api) -> None:
        key, path = str(uuid4()), f"/applications/{uuid4()}/start"
        await signed_in.post(path, **{"Idempotency-Key": key})
        token = await signed_in.parts.sessions.open(str(uuid4()), "bob", "operator")
        signed_in.use(token)
        assert (await signed_in.post(path, **{"Idempotency-Key": key})).status_code == 422

    async def test_the_id_of_somebody_elses_operation_is_no_key(
        self, signed_in: Api, projector: None, log: Log
    ) -> None:
        """Ids made here can be read by others, and were never claimed."""
        _, operation_id = await log.application()
        await caught_up(signed_in, await signed_in.parts.store.head())
        answer = await signed_in.post(f"/applications/{uuid4()}/start", **{"Idempotency-Key": operation_id})
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"
        assert await signed_in.parts.commands.undecided() == []

    async def test_two_replicas_at_once_store_it_once(self, signed_in: Api, replica: Replica) -> None:
        key, path = str(uuid4()), f"/applications/{uuid4()}/start"
        async with replica() as other:
            other.use(signed_in.token)
            answers = await asyncio.gather(
                *(one.post(path, **{"Idempotency-Key": key}) for one in (signed_in, other) * 4)
            )
        assert {a.status_code for a in answers} == {202}
        assert (await only_command(signed_in)).metadata.id == key

    async def test_two_replicas_at_once_with_different_requests_store_one(
        self, signed_in: Api, replica: Replica
    ) -> None:
        key, target = str(uuid4()), uuid4()
        async with replica() as other:
            other.use(signed_in.token)
            answers = await asyncio.gather(
                signed_in.post(f"/applications/{target}/start", **{"Idempotency-Key": key}),
                other.post(f"/applications/{target}/stop", **{"Idempotency-Key": key}),
            )
        assert sorted(a.status_code for a in answers) == [202, 422]
        await only_command(signed_in)

    async def test_what_was_decided_is_not_sent_again(self, signed_in: Api, log: Log) -> None:
        """Also after the window in which JetStream itself knows the id: nothing is published at all."""
        key = str(uuid4())
        application_id, _ = await log.application()
        await log.append("application", application_id, ev.StartRequested(operation_id=key))
        sent: list[Any] = []
        signed_in.parts.commands.send = lambda *args: sent.append(args)  # type: ignore[method-assign, assignment]
        path = f"/applications/{application_id}/start"
        await claim(signed_in, key, path)
        answer = await signed_in.post(path, **{"Idempotency-Key": key})
        assert (answer.status_code, answer.json()) == (202, {"operation_id": key})
        assert sent == []

    async def test_what_was_rejected_stays_rejected(self, signed_in: Api, log: Log) -> None:
        key, application_id = str(uuid4()), str(uuid4())
        path = f"/applications/{application_id}/start"
        await claim(signed_in, key, path)
        rejected = CommandRejected(
            operation_id=key,
            command="application.start.v1",
            category="application",
            target=application_id,
            code="application_not_found",
            message="There is no such application.",
        )
        await log.append("operation", key, rejected)
        assert (await signed_in.post(path, **{"Idempotency-Key": key})).status_code == 202
        assert await signed_in.parts.commands.undecided() == []

    async def test_a_crash_between_claim_and_command_is_mended_by_the_repeat(self, signed_in: Api) -> None:
        key, path = str(uuid4()), f"/applications/{uuid4()}/start"
        await claim(signed_in, key, path)
        assert await signed_in.parts.commands.undecided() == []
        await signed_in.post(path, **{"Idempotency-Key": key})
        assert (await only_command(signed_in)).metadata.id == key

    async def test_a_key_that_is_no_uuid_is_refused(self, signed_in: Api) -> None:
        answer = await signed_in.post(f"/applications/{uuid4()}/start", **{"Idempotency-Key": "a.b.>"})
        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_idempotency_key"


async def claim(api: Api, key: str, path: str) -> None:
    """As an api does that dies before it sends the command."""
    send = api.parts.commands.send

    async def die(*_: Any) -> None:
        raise TimeoutError

    api.parts.commands.send = die  # type: ignore[method-assign, assignment]
    try:
        answer = await api.post(path, **{"Idempotency-Key": key})
    finally:
        api.parts.commands.send = send  # type: ignore[method-assign]
    assert answer.status_code == 503
    assert answer.json()["operation_id"] == key


class TestDeploy:
    async def test_secrets_are_sealed_before_and_named_in_the_command(self, signed_in: Api, log: Log) -> None:
        cluster_id = await log.cluster()
        body = {"recipe": "debian", "name": "Blog", "settings": {"root_password": "canary-secret-1", "cores": 2}}
        answer = await signed_in.post("/applications", body)
        assert answer.status_code == 202
        command = (await only_command(signed_in)).command
        assert isinstance(command, cmd.DeployApplication)
        assert command.application_id == answer.json()["application_id"]
        assert command.cluster_id == cluster_id
        assert command.spec.resources.cores == 2
        assert "canary-secret-1" not in command.model_dump_json()
        assert await signed_in.parts.vault.open(command.spec.secrets["root_password"]) == "canary-secret-1"

    async def test_a_secret_nobody_gives_is_made_up(self, signed_in: Api, log: Log) -> None:
        cluster_id = await log.cluster()
        await signed_in.post("/applications", {"recipe": "debian", "name": "Blog", "cluster_id": cluster_id})
        command = (await only_command(signed_in)).command
        assert isinstance(command, cmd.DeployApplication)
        assert len(await signed_in.parts.vault.open(command.spec.secrets["root_password"])) == 24

    async def test_the_repeat_names_the_same_application(self, signed_in: Api, log: Log) -> None:
        await log.cluster()
        key, body = str(uuid4()), {"recipe": "debian", "name": "Blog", "settings": {"root_password": "secret-1234"}}
        first = await signed_in.post("/applications", body, **{"Idempotency-Key": key})
        second = await signed_in.post("/applications", body, **{"Idempotency-Key": key})
        assert first.json() == second.json()
        other = body | {"settings": {"root_password": "secret-5678"}}
        assert (await signed_in.post("/applications", other, **{"Idempotency-Key": key})).status_code == 422

    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"recipe": "nothing"}, ["recipe"]),
            ({"name": "---"}, ["name"]),
            ({"name": ""}, ["name"]),
            ({"settings": {"colour": "red"}}, ["settings.colour"]),
            ({"settings": {"cores": 0, "memory_mib": 1}}, ["settings.cores", "settings.memory_mib"]),
            ({"settings": {"root_password": "short"}}, ["settings.root_password"]),
            ({"settings": {"ssh_public_key": "canary-secret-2\n"}}, ["settings.ssh_public_key"]),
            ({"cluster_id": str(UUID(int=7))}, ["cluster_id"]),
            ({"node": "a/b"}, ["node"]),
            ({"name": "Blog\x00"}, ["name"]),
            ({"surprise": 1}, ["surprise"]),
        ],
    )
    async def test_what_is_wrong_is_named_and_never_repeated(
        self, signed_in: Api, log: Log, changes: dict[str, Any], fields: list[str]
    ) -> None:
        await log.cluster()
        answer = await signed_in.post("/applications", {"recipe": "debian", "name": "Blog"} | changes)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [e["field"] for e in answer.json()["errors"]] == fields
        assert "canary-secret-2" not in answer.text
        assert await signed_in.parts.commands.undecided() == []

    async def test_what_is_wrong_is_told_in_our_own_words(self, signed_in: Api, log: Log) -> None:
        await log.cluster()
        answer = await signed_in.post("/applications", {"recipe": "debian", "name": "Blog\n2"})
        words = "The name holds a character that cannot be seen (U+000A): use text on one line."
        assert answer.json()["errors"] == [{"field": "name", "message": words}]

    async def test_without_a_cluster_there_is_nowhere_to_live(self, signed_in: Api) -> None:
        answer = await signed_in.post("/applications", {"recipe": "debian", "name": "Blog"})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_cluster")

    async def test_of_several_clusters_one_must_be_named(self, signed_in: Api, log: Log) -> None:
        await log.cluster("Home")
        await log.cluster("Office")
        answer = await signed_in.post("/applications", {"recipe": "debian", "name": "Blog"})
        assert [e["field"] for e in answer.json()["errors"]] == ["cluster_id"]


class TestClusters:
    async def test_the_token_is_sealed(self, signed_in: Api) -> None:
        body = {
            "name": "Home",
            "endpoints": ["https://pve.lan:8006"],
            "token_id": "proximity@pve!test",
            "token_secret": "canary-secret-3",
            "fingerprint": "ab" * 32,
        }
        answer = await signed_in.post("/clusters", body)
        assert answer.status_code == 202
        stored = await only_command(signed_in)
        assert stored.aggregate_id == answer.json()["cluster_id"]
        assert "canary-secret-3" not in stored.command.model_dump_json()
        sealed = stored.command.model_dump()["token_secret"]
        assert await signed_in.parts.vault.open(sealed) == "canary-secret-3"
        assert stored.command.model_dump()["fingerprint"] == ":".join(["AB"] * 32)

    async def test_everything_that_is_wrong_is_named_at_once(self, signed_in: Api) -> None:
        body = {"name": "!", "endpoints": ["ftp://x"], "token_id": "me", "fingerprint": "12", "ca": "canary-secret-4"}
        answer = await signed_in.post("/clusters", body)
        assert answer.status_code == 422
        wrong = {e["field"] for e in answer.json()["errors"]}
        assert wrong == {"name", "endpoints", "token_id", "token_secret", "fingerprint", "ca"}
        assert "canary-secret-4" not in answer.text

    async def test_a_simulator_that_is_not_there(self, signed_in: Api) -> None:
        answer = await signed_in.post("/clusters", {"name": "Demo", "simulator": True})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_simulator")

    async def test_an_operator_may_not_connect_clusters_and_a_viewer_may_not_start(self, signed_in: Api) -> None:
        roles: list[tuple[Role, str]] = [("operator", "/clusters"), ("viewer", f"/applications/{uuid4()}/start")]
        for role, path in roles:
            signed_in.use(await signed_in.parts.sessions.open(str(uuid4()), "bob", role))
            answer = await signed_in.post(path, {"name": "Demo", "simulator": True})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), role


class TestOffered:
    async def test_a_cluster_of_the_environment_is_connected_once_after_the_setup(
        self, settings: Settings, api: Api, replica: Replica, tmp_path: Any
    ) -> None:
        secret = tmp_path / "offered"
        secret.write_text("canary-secret-5")
        for name, value in {
            "offered_url": "https://pve.lan:8006",
            "offered_token_id": "proximity@pve!test",
            "offered_token_secret_file": secret,
            "offered_fingerprint": "ab" * 32,
        }.items():
            setattr(settings, name, value)
        assert (await api.set_up()).status_code == 201
        first = await only_command(api)
        async with replica():  # starts, and finds that it was set up
            again = await only_command(api)
        assert again == first


class TestOperations:
    async def test_pending_until_it_is_decided_then_what_became_of_it(
        self, signed_in: Api, projector: Any, log: Log
    ) -> None:
        application_id = str(uuid4())
        operation_id = (await signed_in.post(f"/applications/{application_id}/start")).json()["operation_id"]
        pending = (await signed_in.get(f"/operations/{operation_id}")).json()
        assert (pending["status"], pending["kind"], pending["target"]) == ("pending", "start", application_id)
        rejected = CommandRejected(
            operation_id=operation_id,
            command="application.start.v1",
            category="application",
            target=application_id,
            code="application_not_found",
            message="There is no such application.",
        )
        position = await log.append("operation", operation_id, rejected)
        await caught_up(signed_in, position)
        decided = (await signed_in.get(f"/operations/{operation_id}")).json()
        assert decided["status"] == "rejected"
        assert decided["cause"]["code"] == "application_not_found"

    async def test_one_that_was_just_decided_is_waited_for(self, signed_in: Api, projector: Any, log: Log) -> None:
        for _ in range(5):
            _, operation_id = await log.application()
            assert (await signed_in.get(f"/operations/{operation_id}")).status_code == 200

    async def test_one_that_never_was_is_not_found(self, signed_in: Api, projector: Any) -> None:
        answer = await signed_in.get(f"/operations/{uuid4()}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    async def test_prefer_wait_answers_at_the_end(self, signed_in: Api, projector: Any, log: Log) -> None:
        application_id, deployed = await log.application()
        cause = Cause(code="x", message="No.")
        key = str(uuid4())
        waiting = asyncio.create_task(
            signed_in.post(f"/applications/{application_id}/start", Prefer="wait=60", **{"Idempotency-Key": key})
        )

        async def sent() -> bool:
            return bool(await signed_in.parts.commands.undecided())

        await until(sent)
        await log.append(
            "application",
            application_id,
            ev.OperationFailed(operation_id=deployed, kind="deploy", cause=cause),
            ev.StartRequested(operation_id=key),
            ev.OperationSucceeded(operation_id=key, kind="start"),
        )
        answer = await waiting
        assert answer.status_code == 200
        assert answer.headers["preference-applied"] == "wait=30"
        assert (answer.json()["operation_id"], answer.json()["status"]) == (key, "succeeded")

    async def test_prefer_wait_gives_up_in_time(self, signed_in: Api, projector: Any) -> None:
        answer = await signed_in.post(f"/applications/{uuid4()}/start", Prefer="respond-async, wait=1")
        assert answer.status_code == 202
        assert answer.headers["preference-applied"] == "wait=1"

    async def test_cancel_goes_to_the_application(self, signed_in: Api, projector: Any, log: Log) -> None:
        application_id, operation_id = await log.application()
        answer = await signed_in.post(f"/operations/{operation_id}/cancel")
        assert answer.status_code == 202
        command = (await only_command(signed_in)).command
        assert command == cmd.CancelOperation(
            operation_id=answer.json()["operation_id"],
            application_id=application_id,
            target_operation_id=operation_id,
        )


class TestOutage:
    async def test_with_nats_away_a_command_is_refused_at_once(self, signed_in: Api, nats: Nats) -> None:
        await nats.server.stop()

        async def noticed() -> bool:
            return not signed_in.parts.bus.nc.is_connected

        async def accepted() -> bool:
            return (await signed_in.post(f"/applications/{uuid4()}/start")).status_code == 202

        await until(noticed)
        answer = await signed_in.post(f"/applications/{uuid4()}/start")
        assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
        assert "retry-after" in answer.headers
        await nats.server.start()
        await until(accepted)

    async def test_without_a_read_model_commands_are_taken_and_reads_say_so(self, signed_in: Api, log: Log) -> None:
        """No projector ever ran: the database is empty."""
        await log.cluster()
        assert (await signed_in.post(f"/applications/{uuid4()}/start", Prefer="wait=1")).status_code == 202
        assert (await signed_in.post("/applications", {"recipe": "debian", "name": "Blog"})).status_code == 202
        for path in ("/applications", "/snapshot", "/stream", f"/operations/{uuid4()}"):
            answer = await signed_in.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "read_model_not_ready"), path
        assert (await signed_in.http.get("/readyz")).status_code == 503

    async def test_a_wrong_password_for_postgresql_is_an_outage_and_no_mistake_of_ours(
        self, settings: Settings, replica: Replica, tmp_path: Path
    ) -> None:
        settings.database_password_file = tmp_path / "wrong"
        settings.database_password_file.write_text("wrong")
        async with replica() as api:
            api.use(await api.parts.sessions.open(str(uuid4()), "ada", "admin"))
            answer = await api.get("/applications")
            assert (answer.status_code, answer.json()["code"]) == (503, "read_model_unavailable")

    async def test_with_postgresql_away_commands_are_taken_and_reads_say_so(
        self, settings: Settings, replica: Replica
    ) -> None:
        settings.database_url = "postgresql://api@127.0.0.1:1/nowhere"
        async with replica() as api:
            assert (await api.set_up()).status_code == 201
            assert (await api.post(f"/applications/{uuid4()}/start")).status_code == 202
            for path in ("/applications", "/snapshot", "/stream", "/activity", "/nodes"):
                answer = await api.get(path)
                assert (answer.status_code, answer.json()["code"]) == (503, "read_model_unavailable"), path
            assert (await api.get("/catalog")).status_code == 200
            assert (await api.get("/events")).status_code == 200
            assert (await api.http.get("/livez")).status_code == 200

"""Accepting a setting that was changed outside: from the route to the command."""

from uuid import uuid4

from integration.api.conftest import Api, Log
from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.drift import findings

MEMORY = findings.configuration_changed("memory", "512", "1024")


async def found(log: Log) -> str:
    application_id = await log.adopted(await log.cluster())
    for finding in (MEMORY, findings.stopped_outside()):
        await log.append("application", application_id, ev.FindingOpened(finding=finding))
    return application_id


async def test_a_changed_setting_is_accepted_by_the_key_of_its_finding(signed_in: Api, log: Log) -> None:
    application_id, key = await found(log), str(uuid4())
    path = f"/applications/{application_id}/findings/{MEMORY.key}/accept"
    answers = [await signed_in.post(path, **{"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json() == {"operation_id": key}
    (stored,) = await signed_in.parts.commands.undecided()
    wanted = cmd.AcceptConfiguration(
        operation_id=key, application_id=application_id, key=MEMORY.key, setting=MEMORY.setting
    )
    assert (stored.category, stored.aggregate_id, stored.command) == ("application", application_id, wanted)


async def test_repeating_as_told_what_was_stored_after_all_is_accepted(signed_in: Api, log: Log) -> None:
    """The first request had no key, and its answer was that nobody knew: the one to repeat it with was made here."""
    application_id, key = await found(log), str(uuid4())
    assert MEMORY.setting
    done = ev.ConfigurationAccepted(operation_id=key, key=MEMORY.key, setting=MEMORY.setting)
    await log.append("application", application_id, done)
    path = f"/applications/{application_id}/findings/{MEMORY.key}/accept"
    assert (await signed_in.post(path)).json()["code"] == "not_found"
    answer = await signed_in.post(path, **{"Idempotency-Key": key})
    assert (answer.status_code, answer.json()) == (202, {"operation_id": key})
    assert await signed_in.parts.commands.undecided() == []


async def test_what_is_settled_or_is_no_setting_is_not_accepted(signed_in: Api, log: Log) -> None:
    application_id = await found(log)
    for finding, code in (("configuration_changed:cores", "not_found"), ("stopped_outside", "not_acceptable")):
        answer = await signed_in.post(f"/applications/{application_id}/findings/{finding}/accept")
        assert answer.json()["code"] == code
    answer = await signed_in.post(f"/applications/{uuid4()}/findings/{MEMORY.key}/accept")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await signed_in.parts.commands.undecided() == []


async def test_what_was_changed_again_since_the_person_saw_it_is_not_accepted(signed_in: Api, log: Log) -> None:
    path = f"/applications/{await found(log)}/findings/{MEMORY.key}/accept"
    answer = await signed_in.post(f"{path}?observed=2048")
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")
    assert await signed_in.parts.commands.undecided() == []
    assert (await signed_in.post(f"{path}?observed={MEMORY.observed}")).status_code == 202


async def test_a_viewer_accepts_nothing(signed_in: Api, log: Log) -> None:
    application_id = await found(log)
    signed_in.use(await signed_in.parts.sessions.open(str(uuid4()), "bob", "viewer"))
    answer = await signed_in.post(f"/applications/{application_id}/findings/{MEMORY.key}/accept")
    assert answer.json()["code"] == "not_allowed"

"""A setting that somebody changed outside and a person accepted differs no more."""

from proximity.domain.application import events as app
from proximity.domain.application.commands import AcceptConfiguration
from proximity.domain.application.decider import decide
from proximity.messaging.aggregates import APPLICATION
from support.outside import Outsider
from support.reconciling import Stage
from support.simulator import SimulatorProcess

VMID = 20001
MEMORY, TOKEN = "configuration_changed:memory", "configuration_changed:env.TOKEN"


async def accept(stage: Stage, application_id: str, key: str) -> None:
    command = AcceptConfiguration(operation_id=f"accept-{key}", application_id=application_id, key=key)
    state = (await stage.store.load(APPLICATION, application_id)).state
    await stage.append(APPLICATION, application_id, *decide(command, state))


async def test_what_is_accepted_is_not_told_again(stage: Stage, simulator: SimulatorProcess) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    application_id = await stage.application(simulator, cluster_id, env="TOKEN=canary-one")
    stage.start()
    await stage.observed(application_id)
    stranger = Outsider.stranger(simulator)
    # no list tells of memory and environment: the name makes it look
    await stranger.configure(VMID, memory=1024, env="TOKEN=canary-two", hostname="other")
    for key in (MEMORY, TOKEN):
        await stage.finding(application_id, key)
        await accept(stage, application_id, key)
    await stage.finding(application_id, "renamed")
    await stranger.configure(VMID, hostname="wiki")
    await stage.no_finding(application_id)
    said = await stage.said_of(application_id)
    opened = [event.finding.key for event in said if isinstance(event, app.FindingOpened)]
    assert sorted(opened) == sorted([MEMORY, TOKEN, "renamed"])
    closed = [event.key for event in said if isinstance(event, app.FindingClosed)]
    assert closed == ["renamed"], "the others by being accepted"
    stranger.close()

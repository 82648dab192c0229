"""From a command to a running container and to nothing left of it, through real processes."""

from proximity.domain.application.marker import markers
from support.provisioning import DEBIAN, Stage


async def test_deploys_until_it_runs(running_stage: Stage) -> None:
    stage = running_stage
    secret = await stage.vault.seal("correct horse battery")
    spec = DEBIAN.model_copy(update={"secrets": {"root_password": secret}})
    application_id, operation_id = await stage.deploy("Müller's Wiki", spec)

    await stage.succeeded(application_id, operation_id)

    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    guest = stage.simulator.guest(app.container.vmid)
    assert guest is not None
    assert guest["status"] == "running"
    assert guest["name"] == "mullers-wiki"
    assert app.container.address == guest["address"]
    assert [m.application for m in markers(guest["description"])] == [application_id]
    assert len(stage.creates()) == 1

"""Wake-ups are hints: if all of them are lost, the reconciler's sweep finds the operation that nobody carries on."""

from proximity.messaging import subjects
from proximity.messaging.connection import open_connection
from proximity.messaging.permissions import ADMIN
from support.provisioning import Stage


async def test_lost_wake_ups_are_made_up_for(running_stage: Stage) -> None:
    stage = running_stage
    called = stage.simulator.fault("slow", method="POST", path=r"/lxc$", seconds=2)
    application_id, operation_id = await stage.deploy()
    await stage.arrived(called)
    stage.provisioners[0].kill()
    admin = await open_connection(stage.nats.url, ADMIN, ADMIN, stage.nats.passwords[ADMIN])
    await admin.js.purge_stream(subjects.WAKE)
    await admin.close()
    stage.provisioner()
    stage.reconciler()
    await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == 1

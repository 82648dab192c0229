"""Who may see what of a guest that is looked at."""

from uuid import uuid4

import pytest

from integration.api.conftest import Api, Log, caught_up
from proximity.domain.identity.identity import Role
from proximity.proxmox.connection import Connection
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from support.simulator import SimulatorProcess


@pytest.mark.parametrize(
    ("role", "seen"), [("viewer", None), ("operator", "the key is canary"), ("admin", "the key is canary")]
)
async def test_a_description_is_for_operators(
    signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess, role: Role, seen: str | None
) -> None:
    cluster_id = await log.simulated(signed_in, simulator)
    at = simulator.connection()
    proxmox = ProxmoxHypervisor(Connection((at.url,), at.token_id, at.token_secret, at.fingerprint))
    digest = (await proxmox.guest_config("pve2", 105)).digest
    await proxmox.configure_container("pve2", 105, {"description": "the key is canary"}, digest)
    proxmox.close()
    guest_id = await log.guest(cluster_id)
    await caught_up(signed_in, await signed_in.parts.store.head())
    # somebody who may see it looks first: the same look is for all
    assert "canary" in (await signed_in.get(f"/guests/{guest_id}")).text
    signed_in.use(await signed_in.parts.sessions.open(str(uuid4()), "bob", role))
    answer = await signed_in.get(f"/guests/{guest_id}")
    assert answer.json()["look"]["description"] == seen
    assert ("canary" in answer.text) == (seen is not None)

"""Who answers at an address, before anything is trusted."""

from datetime import datetime

from integration.api.conftest import Api
from support.simulator import SimulatedCluster


async def test_a_probe_tells_the_certificate_and_for_how_long_it_holds(
    signed_in: Api, simulator: SimulatedCluster
) -> None:
    connection = simulator.connection()
    seen = (await signed_in.post("/clusters/probe", {"endpoint": connection.url})).json()
    assert seen["fingerprint"] == connection.fingerprint
    assert datetime.fromisoformat(seen["not_before"]) < datetime.fromisoformat(seen["not_after"])
    assert seen["version"] is None


async def test_a_token_that_proxmox_refuses_is_named_as_what_is_wrong(
    signed_in: Api, simulator: SimulatedCluster
) -> None:
    connection = simulator.connection()
    wanted = {
        "endpoint": connection.url,
        "token_id": connection.token_id,
        "token_secret": connection.token_secret,
        "fingerprint": connection.fingerprint,
    }
    answer = await signed_in.post("/clusters/probe", wanted)
    assert answer.json()["version"]
    refused = await signed_in.post("/clusters/probe", wanted | {"token_secret": "canary"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "token_secret")
    assert "canary" not in refused.text


async def test_no_token_goes_to_another_certificate(signed_in: Api, simulator: SimulatedCluster) -> None:
    connection = simulator.connection()
    wanted = {
        "endpoint": connection.url,
        "token_id": connection.token_id,
        "token_secret": connection.token_secret,
        "fingerprint": ":".join(["AB"] * 32),
    }
    before = len(simulator.requests())
    answer = await signed_in.post("/clusters/probe", wanted)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "fingerprint")
    assert len(simulator.requests()) == before

"""A dry run of a deployment: the same checks and the same words, and nothing is left of it."""

from uuid import uuid4

from integration.api.conftest import Api, Log
from proximity.domain.claim.claim import ClaimTaken
from support.simulator import SimulatorProcess

BLOG = {"recipe": "turnkey-wordpress", "name": "Blog"}


async def test_it_names_the_place_and_leaves_nothing(signed_in: Api, log: Log, simulator: SimulatorProcess) -> None:
    cluster_id = await log.simulated(signed_in, simulator)
    head = await signed_in.parts.store.head()
    answer = await signed_in.post("/applications/preflight", BLOG)
    assert answer.status_code == 200
    place = answer.json()["place"]
    assert place["cluster_id"] == cluster_id
    assert place["node"] in {"pve1", "pve2"}
    assert place["reason"].startswith(f"{place['node']}: root disk on {place['rootfs_storage']}")
    assert answer.json()["refusal"] is None
    assert await signed_in.parts.store.head() == head
    assert await signed_in.parts.commands.undecided() == []


async def test_what_a_deployment_would_fail_with_is_said_before(
    signed_in: Api, log: Log, simulator: SimulatorProcess
) -> None:
    await log.simulated(signed_in, simulator)
    for changes, code in (({"node": "pve9"}, "unknown_node"), ({"settings": {"disk_gib": 60_000}}, "storage_full")):
        answer = (await signed_in.post("/applications/preflight", BLOG | changes)).json()
        assert answer["place"] is None
        assert answer["refusal"]["code"] == code


async def test_names_settings_and_clusters_are_checked_as_in_deploying(
    signed_in: Api, log: Log, simulator: SimulatorProcess
) -> None:
    none = await signed_in.post("/applications/preflight", BLOG)
    assert none.json()["code"] == "no_cluster"
    await log.simulated(signed_in, simulator)
    await log.append("claim", "name.blog", ClaimTaken(holder=str(uuid4()), operation_id=str(uuid4())))
    assert (await signed_in.post("/applications/preflight", BLOG)).json()["code"] == "name_taken"
    wrong = await signed_in.post("/applications/preflight", BLOG | {"name": "Other", "settings": {"cores": 0}})
    assert [error["field"] for error in wrong.json()["errors"]] == ["settings.cores"]
    nowhere = await signed_in.post("/applications/preflight", BLOG | {"name": "Other", "cluster_id": str(uuid4())})
    assert [error["field"] for error in nowhere.json()["errors"]] == ["cluster_id"]


async def test_a_cluster_that_is_away_is_said_in_its_words(
    signed_in: Api, log: Log, simulator: SimulatorProcess
) -> None:
    await log.cluster("Away", endpoints=("https://127.0.0.1:1",))
    answer = await signed_in.post("/applications/preflight", BLOG)
    assert answer.status_code == 502
    assert answer.json()["code"] == "cluster_unreachable"

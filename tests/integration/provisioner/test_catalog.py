"""Every recipe made of an image, as it is when nobody sets anything: from its registry to an answer."""

import asyncio
from pathlib import Path

from proximity.domain.application import events as ev
from proximity.domain.application.spec import Spec
from proximity_api.recipes import Catalog, sealed_spec
from support.provisioning import Stage

CATALOG = Path(__file__).parents[3] / "catalog"


async def specs(stage: Stage) -> dict[str, Spec]:
    """slug -> what the API would send, the secrets made up and sealed."""
    catalog = Catalog.load(CATALOG)
    images = [slug for slug, recipe in catalog.recipes.items() if recipe.runtime == "oci"]
    return {slug: await sealed_spec(stage.vault, catalog.resolve(slug, {})) for slug in images}


async def test_every_recipe_made_of_an_image_runs_with_its_defaults(running_stage: Stage) -> None:
    stage, wanted = running_stage, await specs(running_stage)
    deployed = await asyncio.gather(*(stage.deploy(slug, spec) for slug, spec in wanted.items()))
    await asyncio.gather(*(stage.ended(*ids, patience=90) for ids in deployed))

    history = await stage.everything()
    assert [r.event for r in history if isinstance(r.event, ev.OperationFailed)] == []
    assert len(stage.ours()) == len(stage.creates()) == len(wanted)
    answered = {r.aggregate_id for r in history if isinstance(r.event, ev.ApplicationAnswered)}
    assert answered == {application_id for application_id, _ in deployed}
    for (application_id, _), spec in zip(deployed, wanted.values(), strict=True):
        application = await stage.application(application_id)
        assert application is not None
        assert application.container is not None
        seen = stage.simulator.guest(application.container.vmid)
        assert seen is not None
        assert seen["status"] == "running"
        environment = dict(entry.split("=", 1) for entry in seen["config"]["env"].split("\0"))
        secrets = {name: await stage.vault.open(spec.secrets[key]) for name, key in spec.secret_environment.items()}
        assert environment.items() >= {**spec.environment, **secrets}.items()
        mounts = [value for key, value in sorted(seen["config"].items()) if key.startswith("mp")]
        assert [f"mp={v.path},backup=1,size={v.size_gib}G" for v in spec.volumes] == [
            mount.partition(",")[2] for mount in mounts
        ]

"""Applications made of images: from the pull to a container with its volumes and its environment."""

import asyncio
from typing import Any

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.spec import Probe, Spec
from proximity.domain.cluster.events import ClusterConnected
from proximity.proxmox.connection import Connection
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from support.images import ARCHIVE, VAULTWARDEN, of_image
from support.provisioning import EVERYTHING, Stage

SECRET = "canary=correct horse\tbattery"
PULL: dict[str, Any] = {"method": "POST", "path": r"/oci-registry-pull$"}
CREATE: dict[str, Any] = {"method": "POST", "path": r"/lxc$"}
CONFIGURE: dict[str, Any] = {"method": "PUT", "path": r"/lxc/\d+/config$"}
CALLS = {"pull": PULL, "create": CREATE, "configure": CONFIGURE}


async def with_secret(stage: Stage) -> Spec:
    sealed = {"admin_token": await stage.vault.seal(SECRET)}
    return VAULTWARDEN.model_copy(update={"secrets": sealed, "secret_environment": {"ADMIN_TOKEN": "admin_token"}})


def guest(stage: Stage) -> dict[str, Any]:
    (found,) = stage.ours()
    return found


def environment(seen: dict[str, Any]) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in seen["config"]["env"].split("\0"))


def pulls(stage: Stage) -> int:
    return sum(request["path"].endswith("/oci-registry-pull") for request in stage.simulator.requests())


def puller(stage: Stage) -> ProxmoxHypervisor:
    """Somebody else, who may pull images."""
    seen, token = stage.simulator.connection(), "puller@pve!test"
    may = [
        {"path": "/", "privileges": [*EVERYTHING, "Sys.AccessNetwork", "Datastore.AllocateTemplate"], "propagate": 1}
    ]
    return ProxmoxHypervisor(Connection((seen.url,), token, stage.simulator.add_token(token, may), seen.fingerprint))


async def pulled_by_somebody_else(stage: Stage, storage: str = "local") -> None:
    assert VAULTWARDEN.image is not None
    client, image = puller(stage), VAULTWARDEN.image
    await stage.task_done(await client.pull_image("pve1", storage, image.reference, image.archive))
    client.close()


async def refused(stage: Stage, spec: Spec, **where: Any) -> ev.OperationFailed:
    """How the deployment of it fails, with nothing left behind."""
    application_id, operation_id = await stage.deploy("Passwords", spec, **where)
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.left_behind is None
    assert stage.ours() == []
    return end


async def test_deploys_until_it_answers_where_its_environment_says(running_stage: Stage) -> None:
    stage = running_stage
    application_id = await stage.running("Passwords", await with_secret(stage))

    seen = guest(stage)
    config = seen["config"]
    assert seen["status"] == "running"
    assert (
        environment(seen).items()
        >= {
            "ROCKET_PORT": "8080",  # ours, over the image's 80
            "SIGNUPS_ALLOWED": "false",
            "ADMIN_TOKEN": SECRET,
            "ROCKET_PROFILE": "release",  # the image's own
        }.items()
    )
    assert environment(seen)["PATH"].startswith("/usr/local/sbin:")
    assert config["mp0"].endswith(",mp=/data,backup=1,size=3G")
    assert "host-managed=1" in config["net0"]
    assert (config["entrypoint"], config["onboot"], config["unprivileged"]) == ("/start.sh", 1, 1)
    assert "features" not in config
    assert set(config["tags"].split(";")) == {"proximity", "vaultwarden"}
    history = await stage.history(application_id)
    kinds = [type(record.event) for record in history]
    assert kinds.index(ev.ImagePulled) < kinds.index(ev.VmidClaimed) < kinds.index(ev.ContainerCreated)
    assert ev.ApplicationAnswered in kinds
    (pulled,) = [record.event for record in history if isinstance(record.event, ev.ImagePulled)]
    assert pulled.volid.endswith(f":vztmpl/{ARCHIVE}")
    assert await stage.has_its_baseline(application_id)


async def test_a_secret_of_the_environment_is_only_where_it_belongs(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("drop_after", **CONFIGURE)
    application_id = await stage.running("Passwords", await with_secret(stage))
    assert await stage.has_its_baseline(application_id)
    operation_id = await stage.ask(cmd.DeleteApplication, application_id)
    await stage.succeeded(application_id, operation_id)
    told = stage.logs() + "".join(record.event.model_dump_json() for record in await stage.everything())
    assert "canary" not in told


async def test_an_image_that_is_there_is_not_pulled_again(running_stage: Stage) -> None:
    stage = running_stage
    for name in ("One", "Two", "Three"):
        await stage.running(name, VAULTWARDEN.model_copy(update={"probe": Probe()}))
    nodes = {entry["node"] for entry in stage.creates()}
    assert pulls(stage) <= len(nodes), "once for each node that has none yet"


async def test_an_image_that_is_being_pulled_is_waited_for(stage: Stage) -> None:
    stage.provisioner()
    stage.provisioner()
    await stage.connected()
    held = stage.simulator.fault("task_held", type="ociregistrypull")
    deployments = [await stage.deploy("First", VAULTWARDEN, node="pve1")]
    await stage.happened(deployments[0][0], ev.TaskAccepted, step="pull_image")
    deployments += [await stage.deploy(f"Next {n}", VAULTWARDEN, node="pve1") for n in range(3)]
    for application_id, _ in deployments[1:]:
        await stage.postponed(application_id, "being_pulled", step="pull_image")
    stage.simulator.remove_fault(held)
    for application_id, operation_id in deployments:
        await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == len(stage.ours()) == 4
    assert pulls(stage) == 1


async def test_pulls_that_begin_in_the_same_moment_do_no_harm(stage: Stage) -> None:
    stage.provisioner()
    stage.provisioner()
    await stage.connected()
    stage.simulator.fault("slow", seconds=0.5, times=4, **PULL)
    deployments = await asyncio.gather(*(stage.deploy(f"App {n}", VAULTWARDEN, node="pve1") for n in range(4)))
    for application_id, operation_id in deployments:
        await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == len(stage.ours()) == 4
    client = puller(stage)
    archives = [name for name in await client.templates("pve1", "nfs-share") if name.endswith(ARCHIVE)]
    assert len(archives) == 1
    client.close()


async def test_an_archive_that_came_meanwhile_is_as_good(running_stage: Stage) -> None:
    """Somebody else's pull ends between our look and our call: it is refused, and what is there is used."""
    stage = running_stage
    called = stage.simulator.fault("slow", seconds=3.0, **PULL)
    application_id, operation_id = await stage.deploy("Passwords", VAULTWARDEN, node="pve1")
    await stage.arrived(called)
    app = await stage.application(application_id)
    assert app is not None
    assert app.placement is not None
    await pulled_by_somebody_else(stage, app.placement.template_storage)
    await stage.succeeded(application_id, operation_id)
    assert guest(stage)["status"] == "running"


@pytest.mark.parametrize("name", CALLS)
async def test_answer_lost_after_the_effect(running_stage: Stage, name: str) -> None:
    stage = running_stage
    stage.simulator.fault("drop_after", **CALLS[name])
    application_id, operation_id = await stage.deploy("Passwords", await with_secret(stage))
    await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == 1
    assert environment(guest(stage))["ADMIN_TOKEN"] == SECRET
    assert pulls(stage) == 1
    unanswered = [r for r in await stage.history(application_id) if isinstance(r.event, ev.CallUnanswered)]
    assert len(unanswered) == 1


@pytest.mark.parametrize("name", CALLS)
async def test_request_lost_before_the_effect_and_one_that_comes_late(stage: Stage, name: str) -> None:
    stage.provisioner(PROXIMITY_REPEAT_AFTER_SECONDS="0.3")
    await stage.connected()
    stage.simulator.fault("drop_before", **CALLS[name])
    stage.simulator.fault("late", seconds=1.0, **CALLS[name])
    application_id, operation_id = await stage.deploy("Passwords", await with_secret(stage))
    await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == 1
    assert environment(guest(stage))["ADMIN_TOKEN"] == SECRET


async def test_a_pull_whose_worker_dies_is_begun_again(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("task_killed", type="ociregistrypull")
    await stage.running("Passwords", VAULTWARDEN)
    assert pulls(stage) == 2


async def test_what_others_set_meanwhile_stays(running_stage: Stage) -> None:
    """A person changes the environment between our look and our call: the digest tells, and theirs is kept."""
    stage = running_stage
    called = stage.simulator.fault("slow", seconds=2.0, **CONFIGURE)
    application_id, operation_id = await stage.deploy("Passwords", VAULTWARDEN)
    await stage.arrived(called)
    ct = (await stage.happened(application_id, ev.ContainerCreated)).event
    client = stage.proxmox()
    config = await client.guest_config(ct.node, ct.vmid)
    theirs = config.environment | {"ADDED": "by hand", "SIGNUPS_ALLOWED": "true"}
    await client.configure_container(ct.node, ct.vmid, {}, config.digest, environment=theirs)
    await stage.succeeded(application_id, operation_id)
    seen = environment(guest(stage))
    assert (seen["ADDED"], seen["SIGNUPS_ALLOWED"]) == ("by hand", "false")


async def test_an_entry_point_of_ours_replaces_the_image_s(running_stage: Stage) -> None:
    stage = running_stage
    await stage.running("Web", of_image("docker.io/library/nginx:1.27.3", entrypoint="/bin/web --port 80"))
    assert guest(stage)["config"]["entrypoint"] == "/bin/web --port 80"


async def test_an_image_of_an_unknown_system_needs_to_be_left_alone(running_stage: Stage) -> None:
    stage = running_stage
    image = "cgr.dev/chainguard/nginx:latest"
    end = await refused(stage, of_image(image))
    assert "unable to detect OS distribution" in end.cause.proxmox
    await stage.running("Web", of_image(image, os="unmanaged"))
    assert guest(stage)["config"]["ostype"] == "unmanaged"


# --- what cannot be


async def test_an_old_node_is_refused_with_what_to_do(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("old_version", node="pve1", text="8.4.1")
    end = await refused(stage, VAULTWARDEN, node="pve1")
    assert end.cause.code == "oci_unsupported"
    assert "Node pve1 runs Proxmox VE 8.4.1" in end.cause.message
    assert "9.1 or newer" in end.cause.message
    await stage.running("Passwords", VAULTWARDEN)
    assert guest(stage)["node"] == "pve2"


async def test_a_node_that_cannot_pull_is_told_what_to_install(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("no_skopeo")
    end = await refused(stage, VAULTWARDEN)
    assert end.cause.code == "skopeo_missing"
    assert "apt install skopeo" in end.cause.message
    assert end.cause.proxmox == "Install 'skopeo' to pull OCI images from registries."


@pytest.mark.parametrize("reference", ["docker.io/library/nginx:0.0.1", "docker.io/library/nosuch:1"])
async def test_an_image_that_does_not_exist_is_told_in_proxmox_s_words(running_stage: Stage, reference: str) -> None:
    stage = running_stage
    end = await refused(stage, of_image(reference))
    assert end.cause.code == "image_not_pulled"
    assert f"skopeo copy docker://{reference}" in end.cause.proxmox
    failed = [r.event for r in await stage.everything() if isinstance(r.event, ev.StepFailed)]
    assert any("manifest unknown" in line for line in failed[0].log)


async def test_a_full_storage_is_told_as_such(running_stage: Stage) -> None:
    stage = running_stage
    called = stage.simulator.fault("slow", seconds=1.0, **PULL)
    application_id, operation_id = await stage.deploy("Passwords", VAULTWARDEN)
    await stage.arrived(called)
    stage.simulator.fault("storage_full")
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "storage_full"


async def test_without_rights_to_pull_only_what_is_there_can_be_used(stage: Stage) -> None:
    stage.provisioner()
    token = "modest@pve!test"
    everywhere = [{"path": "/", "privileges": EVERYTHING, "propagate": 1}]
    secret = stage.simulator.add_token(token, everywhere)
    sealed = await stage.vault.seal(secret)
    stage.cluster_id = await stage.connect(token_id=token, token_secret=sealed)
    connected = await stage.happened(stage.cluster_id, ClusterConnected)
    assert set(connected.event.findings.missing) == {"templates", "images"}

    end = await refused(stage, VAULTWARDEN, node="pve1")
    assert end.cause.code == "missing_rights"
    assert "/nodes/pve1: Sys.AccessNetwork" in end.cause.message
    assert "Datastore.AllocateTemplate" in end.cause.message

    await pulled_by_somebody_else(stage)
    await stage.running("Passwords", VAULTWARDEN)
    assert guest(stage)["node"] == "pve1"


async def test_a_program_that_ends_while_it_is_waited_for_is_told_at_once(running_stage: Stage) -> None:
    stage = running_stage
    mute = of_image("docker.io/library/nginx:1.27.3", probe=Probe(kind="tcp", port=9))
    application_id, operation_id = await stage.deploy("Web", mute)
    await stage.happened(application_id, ev.AddressFound)
    seen = guest(stage)
    await stage.task_done(await stage.proxmox().stop_container(seen["node"], seen["vmid"]))
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "stopped_by_itself"
    assert stage.ours() == []


async def test_a_container_half_made_of_an_image_is_made_again_with_all_it_needs(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("task_killed", type="vzcreate", stage="late")
    await stage.running("Passwords", await with_secret(stage))
    seen = guest(stage)
    assert [entry["action"] for entry in stage.simulator.journal()] == ["create", "destroy", "create"]
    assert {entry["vmid"] for entry in stage.simulator.journal()} == {seen["vmid"]}
    assert environment(seen)["ADMIN_TOKEN"] == SECRET
    assert seen["config"]["mp0"].endswith(",mp=/data,backup=1,size=3G")
    assert pulls(stage) == 1


@pytest.mark.parametrize(
    ("step", "when"),
    [
        ("pull_image", "called"),
        ("pull_image", "accepted"),
        ("create", "called"),
        ("create", "accepted"),
        ("configure", "called"),
    ],
)
async def test_a_successor_carries_on_after_a_kill(stage: Stage, step: ev.StepName, when: str) -> None:
    """Killed while the call is on its way, or while its task runs (a configuration has none)."""
    first = stage.provisioner()
    await stage.connected()
    call = {"pull_image": PULL, "create": CREATE, "configure": CONFIGURE}[step]
    called = stage.simulator.fault("slow", seconds=1.0, **call) if when == "called" else None
    application_id, operation_id = await stage.deploy("Passwords", await with_secret(stage))
    if called is not None:
        await stage.arrived(called)
    else:
        await stage.happened(application_id, ev.TaskAccepted, step=step)
    first.kill()
    stage.provisioner()
    await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == 1
    assert environment(guest(stage))["ADMIN_TOKEN"] == SECRET
    assert pulls(stage) == 1
    assert "canary" not in stage.logs()

"""The container itself: made, then given what a create cannot set."""

from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.adoption import TAG, tags_of
from proximity.domain.application.configuration import Configuration
from proximity.domain.application.image import Environment, merged
from proximity.domain.application.recovery import Evidence
from proximity.domain.application.state import Intent
from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.hypervisor import ContainerSpec
from proximity.proxmox.observe import GuestConfig
from proximity_provisioner import sight
from proximity_provisioner.effect import Ready
from proximity_provisioner.evidence import guest_evidence
from proximity_provisioner.job import Answer, Happened, Job
from proximity_provisioner.ownership import Ours, look, marker_of
from proximity_provisioner.sealed import open_secret


class Create:
    # not after a lost destroy that may still come: it would meet the new container
    goal: Literal["running", "stopped"] | None = "running"
    counted: tuple[Literal["node", "storage"], ...] = ("node", "storage")

    async def prepare(self, job: Job) -> Ready | Answer:
        sealed = job.app.spec.secrets.get("root_password")
        return Ready(password=await open_secret(job.tools.vault, sealed) if sealed else None)

    async def call(self, job: Job, ready: Ready) -> str | None:
        spec = job.app.spec
        keys = spec.settings.get("ssh_public_key")
        body = ContainerSpec(
            vmid=job.container.vmid,
            hostname=job.app.slug,
            template_volid=job.placement.template_volid,
            rootfs_storage=job.placement.rootfs_storage,
            disk_gib=spec.resources.disk_gib,
            cores=spec.resources.cores,
            memory_mib=spec.resources.memory_mib,
            bridge=spec.bridge,
            description=_description(job),
            nesting=spec.nesting,
            password=ready.password,
            ssh_public_keys=str(keys) if keys else None,
            volumes=spec.volumes,
            host_managed=spec.runtime == "oci",
            ostype="unmanaged" if spec.os == "unmanaged" else None,
        )
        return await job.proxmox.create_container(job.node, body)

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        return await guest_evidence(job, intent, answered_exists=answered_exists)

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        ct = job.container
        return ev.ContainerCreated(operation_id=job.op.id, node=ct.node, vmid=ct.vmid, warnings=warnings)


class Configure:
    goal: Literal["running", "stopped"] | None = None
    counted: tuple[Literal["node", "storage"], ...] = ()

    async def prepare(self, job: Job) -> Ready | Answer:
        seen = await sight.ours_to_change(job)
        if not isinstance(seen, Ours):
            return seen
        environment = await _environment(job)
        if _as_wanted(job, environment, seen.config):
            return Happened(await self.outcome(job, 0))
        # what the image says stays, as does what others added: the whole list is replaced
        whole = merged(seen.config.environment, environment) if environment else None
        return Ready(digest=seen.config.digest, environment=whole)

    async def call(self, job: Job, ready: Ready) -> str | None:
        ct = job.container
        digest = ready.digest or ""
        await job.proxmox.configure_container(ct.node, ct.vmid, _wanted(job), digest, environment=ready.environment)
        return None

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        seen = await look(job)
        return Evidence(goal_reached=isinstance(seen, Ours) and _as_wanted(job, await _environment(job), seen.config))

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.ContainerConfigured(operation_id=job.op.id, configuration=await _configuration(job))


async def _configuration(job: Job) -> Configuration | None:
    """As Proxmox has it now that it is ours. Who cannot be told leaves it to the reconciler: it is configured."""
    try:
        seen = await look(job)
    except ProxmoxError:
        return None
    if not isinstance(seen, Ours):
        return None
    return job.tools.hashes.configuration(job.container.vmid, seen.config.values, seen.config.environment)


def _description(job: Job) -> str:
    """The marker stands on a line of its own, whatever characters the name has."""
    name = " ".join(job.app.name.split())
    return f"{name}: kept by Proximity. Leave the next line as it is: it shows whose container this is.\n" + (
        marker_of(job).line()
    )


def _wanted(job: Job) -> dict[str, str]:
    entrypoint = job.app.spec.entrypoint
    return (
        {"onboot": "1"}
        | ({} if job.tag_refused else {"tags": f"{TAG};{job.app.spec.recipe}"})
        | ({"entrypoint": entrypoint} if entrypoint else {})
    )


async def _environment(job: Job) -> dict[str, str]:
    """Ours alone, its secrets opened. Raises SecretLostError, TimeoutError."""
    spec, vault = job.app.spec, job.tools.vault
    secret = {name: await open_secret(vault, spec.secrets[key]) for name, key in spec.secret_environment.items()}
    return {**spec.environment, **secret}


def _as_wanted(job: Job, environment: Environment, config: GuestConfig) -> bool:
    """Proxmox may keep tags in another order, and others may have added some, as to the environment."""
    wanted = _wanted(job)
    tags = {"tags": wanted.pop("tags", "")}
    return (
        wanted.items() <= config.values.items()
        and set(tags_of(tags)) <= set(tags_of(config.values))
        and environment.items() <= config.environment.items()
    )

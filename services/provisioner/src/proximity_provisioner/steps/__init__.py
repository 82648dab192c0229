"""The steps of an operation: effects (announced, called once) and observations (only looked at)."""

from collections.abc import Awaitable, Callable

from proximity.domain.application.events import StepName
from proximity_provisioner.effect import Effect
from proximity_provisioner.job import Answer, Job
from proximity_provisioner.steps.address import find_address
from proximity_provisioner.steps.adoption import Mark, Unmark, inspect
from proximity_provisioner.steps.container import Configure, Create
from proximity_provisioner.steps.destroy import Destroy, prove_gone
from proximity_provisioner.steps.image import PullImage
from proximity_provisioner.steps.power import Shutdown, Start, Stop
from proximity_provisioner.steps.preflight import preflight
from proximity_provisioner.steps.probe import probe
from proximity_provisioner.steps.template import DownloadTemplate
from proximity_provisioner.steps.vmid import claim_vmid

EFFECTS: dict[StepName, Effect] = {
    "download_template": DownloadTemplate(),
    "pull_image": PullImage(),
    "create": Create(),
    "configure": Configure(),
    "start": Start(),
    "shutdown": Shutdown(),
    "stop": Stop(),
    "destroy": Destroy(),
    "mark": Mark(),
    "unmark": Unmark(),
}
OBSERVATIONS: dict[StepName, Callable[[Job], Awaitable[Answer]]] = {
    "preflight": preflight,
    "claim_vmid": claim_vmid,
    "find_address": find_address,
    "probe": probe,
    "prove_gone": prove_gone,
    "inspect": inspect,
}

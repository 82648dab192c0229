"""Where a new container goes, and what is missing if it can go nowhere. Pure."""

import re
from dataclasses import dataclass

from proximity.domain.application.image import Image
from proximity.domain.application.spec import Spec, Template
from proximity.domain.application.state import Placement
from proximity.domain.operation.cause import Cause

GIB = 1024**3
IMAGES_SINCE = (9, 1)  # the first Proxmox VE that makes containers of images
MIB = 1024**2


@dataclass(frozen=True)
class StorageFacts:
    """`available` in bytes; `templates`: volume ids of the templates and image archives in it. `may_pull`: the token
    may add to them.
    """

    storage: str
    content: frozenset[str]
    available: int
    active: bool
    templates: tuple[str, ...] = ()
    may_pull: bool = True


@dataclass(frozen=True)
class NodeFacts:
    """`memory_free` in bytes, None if the token may not see it. `downloadable`: file names the node can download.

    Looked at for an image only: `version` of Proxmox VE, and `may_pull`: the token may let the node ask registries.
    """

    node: str
    online: bool
    memory_free: int | None
    storages: tuple[StorageFacts, ...] = ()
    downloadable: tuple[str, ...] = ()
    version: str = ""
    may_pull: bool = True


@dataclass(frozen=True)
class ClusterFacts:
    """`missing_rights`: `path: privilege` pairs without which a deployment would be refused."""

    quorate: bool
    nodes: tuple[NodeFacts, ...]
    missing_rights: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chosen:
    placement: Placement
    reason: str


def choose(spec: Spec, wanted_node: str | None, cluster: ClusterFacts) -> Chosen | Cause:
    """The node with most free memory that has room, a place for the root disk and the template (there or to be had)."""
    if not cluster.quorate:
        return Cause(
            code="no_quorum",
            message="The cluster has no quorum, so nothing can be created. Bring enough nodes back and try again.",
        )
    candidates = [n for n in cluster.nodes if wanted_node in (None, n.node)]
    if not cluster.nodes:
        return Cause(code="no_nodes", message="The cluster names no node at the moment.")
    if not candidates:
        return Cause(code="unknown_node", message=f"The cluster has no node named {wanted_node}.")
    # of nodes that are offline no storage is seen, so no right on one can be missed
    if cluster.missing_rights and any(node.online for node in candidates):
        return Cause(
            code="missing_rights",
            message="The API token lacks rights for a deployment: " + "; ".join(cluster.missing_rights) + ".",
        )
    found: list[tuple[int, Chosen]] = []
    refusals: list[Cause] = []
    for node in candidates:
        verdict = _fits(spec, node)
        if isinstance(verdict, Cause):
            refusals.append(verdict)
        else:
            found.append((node.memory_free or 0, verdict))
    if found:
        return max(found, key=lambda f: f[0])[1]
    if len(refusals) == 1:
        return refusals[0]
    return Cause(code=refusals[0].code, message="No node can take it. " + " ".join(r.message for r in refusals))


def _fits(spec: Spec, node: NodeFacts) -> Chosen | Cause:
    if not node.online:
        return Cause(code="node_offline", message=f"Node {node.node} is offline.")
    if node.memory_free is not None and node.memory_free < spec.resources.memory_mib * MIB:
        return Cause(
            code="not_enough_memory",
            message=f"Node {node.node} has {node.memory_free // MIB} MiB of memory free, "
            f"{spec.resources.memory_mib} MiB are needed.",
        )
    rootfs = _rootfs(spec, node)
    if isinstance(rootfs, Cause):
        return rootfs
    source = _source(spec, node)
    if isinstance(source, Cause):
        return source
    storage, volid, present = source
    free = "" if node.memory_free is None else f", {node.memory_free // MIB} MiB of memory free"
    return Chosen(
        Placement(node.node, rootfs.storage, storage, volid, present),
        reason=f"{node.node}: root disk on {rootfs.storage} ({rootfs.available // GIB} GiB free){free}",
    )


def _rootfs(spec: Spec, node: NodeFacts) -> StorageFacts | Cause:
    fit = [s for s in node.storages if s.active and "rootdir" in s.content]
    if not fit:
        return Cause(
            code="no_rootfs_storage",
            message=f"Node {node.node} has no active storage for container disks (content type rootdir).",
        )
    best = max(fit, key=lambda s: s.available)
    if best.available < spec.disk_gib * GIB:
        return Cause(
            code="storage_full",
            message=f"Node {node.node} has {best.available // GIB} GiB free on {best.storage}, "
            f"{spec.disk_gib} GiB are needed.",
        )
    return best


def _source(spec: Spec, node: NodeFacts) -> tuple[str, str, bool] | Cause:
    """(storage, volume id, present) of what the container is made of."""
    if spec.image is not None and (too_old := _unsupported(node)):
        return too_old
    stores = [s for s in node.storages if s.active and "vztmpl" in s.content]
    if not stores:
        return Cause(
            code="no_template_storage",
            message=f"Node {node.node} has no active storage for container templates (content type vztmpl).",
        )
    if spec.image is not None:
        return _archive(spec.image, node, stores)
    if spec.template is None:
        raise ValueError("a spec has a template or an image")
    return _template(spec.template, node, stores)


def _unsupported(node: NodeFacts) -> Cause | None:
    numbers = tuple(int(number) for number in re.findall(r"\d+", node.version)[:2])
    if numbers >= IMAGES_SINCE:
        return None
    needed = ".".join(map(str, IMAGES_SINCE))
    return Cause(
        code="oci_unsupported",
        message=f"Node {node.node} runs Proxmox VE {node.version or '(unknown)'}, and applications made of images need "
        f"{needed} or newer. Upgrade the node, choose another one, or a recipe that is made of a template.",
    )


def _archive(image: Image, node: NodeFacts, stores: list[StorageFacts]) -> tuple[str, str, bool] | Cause:
    """Where it is already, else where there is most room for it."""
    file = f"{image.archive}.tar"
    for store in stores:
        if (volid := f"{store.storage}:vztmpl/{file}") in store.templates:
            return store.storage, volid, True
    missing = []
    if not node.may_pull:
        missing.append(f"/nodes/{node.node}: Sys.AccessNetwork")
    allowed = [store for store in stores if store.may_pull]
    if not allowed:
        missing.append(f"/storage/{stores[0].storage}: Datastore.AllocateTemplate")
    if missing:
        return Cause(
            code="missing_rights",
            message=f"The API token lacks rights to pull an image on {node.node}: {'; '.join(missing)}.",
        )
    target = max(allowed, key=lambda s: s.available).storage
    return target, f"{target}:vztmpl/{file}", False


def _template(wanted: Template, node: NodeFacts, stores: list[StorageFacts]) -> tuple[str, str, bool] | Cause:
    """The recipe's version if it can be had, else the newest of that name."""
    there = {volid: s.storage for s in stores for volid in s.templates}
    exact = f"{wanted.name}_{wanted.version}_"
    for volid, storage in there.items():
        if _file(volid).startswith(exact):
            return storage, volid, True
    target = max(stores, key=lambda s: s.available).storage
    for prefix in (exact, f"{wanted.name}_"):
        downloadable = sorted((f for f in node.downloadable if f.startswith(prefix)), key=_age)
        if downloadable:
            return target, f"{target}:vztmpl/{downloadable[-1]}", False
    same_name = sorted((v for v in there if _file(v).startswith(f"{wanted.name}_")), key=lambda v: _age(_file(v)))
    if same_name:
        volid = same_name[-1]
        return there[volid], volid, True
    return Cause(
        code="template_unavailable",
        message=f"Template {wanted.name} is on no storage of {node.node}, and its template index does not list it. "
        "Run `pveam update` on the node, or put the template there.",
    )


def _file(volid: str) -> str:
    return volid.rpartition("/")[2]


def _age(file: str) -> list[tuple[int, str]]:
    """Sorts versions as people count: 18.2-1 before 18.10-1."""
    return [(int(number or 0), text) for number, text in re.findall(r"(\d+)|(\D+)", file)]

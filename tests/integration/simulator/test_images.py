"""Images from registries: pulling, and what a container made of one has."""

from typing import Any

import pytest

from integration.simulator.conftest import Pve, eventually
from support.simulator import SimulatorProcess

STORAGE = "/nodes/pve1/storage/local"
NGINX = "docker.io/library/nginx:1.27"
ENTRYPOINT = "/docker-entrypoint.sh nginx -g 'daemon off;'"


def pull(pve: Pve, reference: str, storage: str = "local", **options: str) -> Any:
    return pve.post(f"/nodes/pve1/storage/{storage}/oci-registry-pull", reference=reference, **options)


@pytest.fixture
def nginx(pve: Pve) -> str:
    assert pve.ended(pull(pve, NGINX).json()["data"]) == "OK"
    return "local:vztmpl/nginx_1.27.tar"


def test_a_pull_leaves_an_archive(pve: Pve) -> None:
    upid = pull(pve, NGINX, filename="x y").json()["data"]
    assert upid.split(":")[5:7] == ["ociregistrypull", "x_y.tar"]
    assert pve.ended(upid) == "OK"
    assert pve.log(upid)[-2] == "Writing manifest to image destination"
    (volume,) = [v for v in pve.get(f"{STORAGE}/content", content="vztmpl") if v["volid"].endswith("/x_y.tar")]
    assert volume["format"] == "tar"
    again = pull(pve, NGINX, filename="x y")
    assert (again.status_code, again.reason) == (500, "refusing to override existing file 'x_y.tar'")
    assert pve.get(f"{STORAGE}/content/{volume['volid']}")["path"] == "/var/lib/vz/template/cache/x_y.tar"


def test_what_cannot_be_pulled(pve: Pve) -> None:
    for reference in ("nginx", "nginx@sha256:0", "UPPER:1"):
        answer = pull(pve, reference)
        assert answer.json()["errors"] == {"reference": "value does not match the regex pattern"}
    upid = pull(pve, "docker.io/library/nosuch:1").json()["data"]
    assert pve.ended(upid).startswith("command 'skopeo copy docker://docker.io/library/nosuch:1 oci-archive:")
    assert pull(pve, NGINX, "local-lvm").reason == "can't upload to storage type 'lvmthin', not a file based storage!"
    tags = pve.get("/nodes/pve1/query-oci-repo-tags", reference="docker.io/library/nginx")
    assert "1.27" in tags


def test_the_image_wins_over_the_request(pve: Pve, nginx: str) -> None:
    upid = pve.created(20001, ostemplate=nginx, env="MINE=1", entrypoint="/bin/true", features=None)
    assert pve.ended(upid) == "OK"
    config = pve.get("/nodes/pve1/lxc/20001/config")
    assert (config["entrypoint"], config["cmode"], config["ostype"]) == (ENTRYPOINT, "console", "debian")
    assert config["env"].split("\0")[1] == "NGINX_VERSION=1.27.5"
    assert "MINE" not in config["env"]
    assert config["net0"].startswith("name=eth0,bridge=vmbr0,host-managed=1,hwaddr=")
    assert config["lxc"] == [["lxc.signal.halt", "SIGQUIT"]]
    lines = pve.log(upid)
    assert "Detected OCI archive" in lines
    assert not any(line.startswith("extracting archive") for line in lines)
    pve.call("PUT", "/nodes/pve1/lxc/20001/config", data={"env": f"{config['env']}\0MINE=1"})
    assert pve.get("/nodes/pve1/lxc/20001/config")["env"].endswith("MINE=1")
    assert pve.ended(pve.started(20001)) in ("OK", "WARNINGS: 1")


@pytest.mark.parametrize("value", ["A-B=1", "A=1\nB=2"])
def test_environments_that_are_refused(pve: Pve, nginx: str, value: str) -> None:
    answer = pve.create(20001, ostemplate=nginx, env=value)
    assert answer.json()["errors"] == {"env": "value does not match the regex pattern"}


def test_an_image_of_an_unknown_system(pve: Pve) -> None:
    pve.ended(pull(pve, "cgr.dev/chainguard/nginx:latest").json()["data"])
    image = "local:vztmpl/nginx_latest.tar"
    ended = pve.ended(pve.created(20001, ostemplate=image))
    assert ended == "unable to create CT 20001 - unable to detect OS distribution"
    pve.created(20001, ostemplate=image, ostype="unmanaged")
    config = pve.get("/nodes/pve1/lxc/20001/config")
    assert config["lxc"][0] == ["lxc.init.uid", "65532"]


def test_a_container_ends_with_its_process(pve: Pve) -> None:
    pve.ended(pull(pve, "hello-world:latest").json()["data"])
    pve.created(20001, ostemplate="local:vztmpl/hello-world_latest.tar")
    pve.started(20001)
    eventually(lambda: pve.get("/nodes/pve1/lxc/20001/status/current")["status"] == "stopped")
    types = [task["type"] for task in pve.get("/nodes/pve1/tasks", vmid=20001)]
    assert types == ["vzstart", "vzcreate"]


def test_a_restore_by_a_token_loses_what_only_root_may_set(pve: Pve, nginx: str, simulator: SimulatorProcess) -> None:
    pve.created(20001, ostemplate=nginx)
    simulator.kill()
    simulator.start()
    pve.ended(pve.post("/nodes/pve1/vzdump", vmid=20001, storage="local").json()["data"])
    (backup,) = pve.get(f"{STORAGE}/content", content="backup")
    upid = pve.post("/nodes/pve1/lxc", vmid=20002, ostemplate=backup["volid"], restore=1).json()["data"]
    assert pve.ended(upid) == "WARNINGS: 1"
    assert "lxc.signal.halt: SIGQUIT" in pve.log(upid)
    config = pve.get("/nodes/pve1/lxc/20002/config")
    assert "lxc" not in config
    assert config["entrypoint"] == ENTRYPOINT

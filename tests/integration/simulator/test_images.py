"""Images from registries: pulling, and what a container made of one has."""

import socket
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
    for reference in ("docker.io/library/nosuch:1", "docker.io/library/nginx:0.0.1"):
        upid = pull(pve, reference).json()["data"]
        assert pve.ended(upid).startswith(f"command 'skopeo copy docker://{reference} oci-archive:")
        assert "manifest unknown" in pve.log(upid)[-2]
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


def test_an_old_node_knows_no_images(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("old_version", node="pve1", text="8.4.1")
    assert pve.get("/nodes/pve1/version") | {"repoid": ""} == {"version": "8.4.1", "release": "8.4", "repoid": ""}
    assert pve.get("/nodes/pve2/version")["release"] == "9.2"
    assert pull(pve, NGINX).status_code == 501
    simulator.clear_faults()
    simulator.fault("old_version", node="pve1", text="9.1.0")
    assert pve.ended(pull(pve, NGINX).json()["data"]) == "OK"


def test_without_its_program_a_node_pulls_nothing(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("no_skopeo")
    answer = pull(pve, NGINX)
    assert (answer.status_code, answer.reason) == (500, "Install 'skopeo' to pull OCI images from registries.")


def test_two_pulls_at_once_leave_one_archive(pve: Pve) -> None:
    upids = [pull(pve, NGINX, filename="both").json()["data"] for _ in range(2)]
    assert [pve.ended(upid) for upid in upids] == ["OK", "OK"]
    archives = [v["volid"] for v in pve.get(f"{STORAGE}/content", content="vztmpl")]
    assert archives.count("local:vztmpl/both.tar") == 1


def test_a_pull_that_dies_leaves_nothing(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_killed", type="ociregistrypull")
    assert pve.ended(pull(pve, NGINX).json()["data"]) == "unexpected status"
    assert pve.ended(pull(pve, NGINX).json()["data"]) == "OK"


def test_volumes_of_the_request_are_disks_of_their_own(pve: Pve) -> None:
    pve.ended(pull(pve, "docker.io/vaultwarden/server:1.32.5").json()["data"])
    upid = pve.created(20001, ostemplate="local:vztmpl/server_1.32.5.tar", mp0="local-lvm:8,mp=/data,backup=1")
    assert pve.get("/nodes/pve1/lxc/20001/config")["mp0"] == "local-lvm:vm-20001-disk-1,mp=/data,backup=1,size=8G"
    assert "creating base directory for volume at /data" in pve.log(upid)


def test_a_container_answers_where_its_variable_says(pve: Pve) -> None:
    pve.ended(pull(pve, "docker.io/vaultwarden/server:1.32.5").json()["data"])
    pve.created(20001, ostemplate="local:vztmpl/server_1.32.5.tar")
    pve.call("PUT", "/nodes/pve1/lxc/20001/config", data={"env": "ROCKET_PORT=8081"})
    pve.started(20001)

    def answer() -> bool:
        (card,) = [c for c in pve.get("/nodes/pve1/lxc/20001/interfaces") or [] if c["name"] == "eth0"]
        if "inet" not in card:
            return False
        with socket.socket() as line:
            return line.connect_ex((card["inet"].partition("/")[0], 8081)) == 0

    eventually(answer)


def test_a_start_without_dhcp_ends_with_a_warning_and_no_address(
    pve: Pve, nginx: str, simulator: SimulatorProcess
) -> None:
    simulator.fault("no_dhcp")
    pve.created(20001, ostemplate=nginx)
    upid = pve.started(20001)
    assert pve.ended(upid) == "WARNINGS: 1"
    assert any(line.startswith("WARN: DHCP failed - ") for line in pve.log(upid))

    def card() -> dict[str, Any]:
        (found,) = [c for c in pve.get("/nodes/pve1/lxc/20001/interfaces") if c["name"] == "eth0"]
        return dict(found)

    assert "inet" not in card()
    simulator.clear_faults()
    eventually(lambda: "inet" in card())

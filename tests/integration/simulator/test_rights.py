"""What a token may, what it sees, and what is hidden from it without a word."""

from integration.simulator.conftest import AsToken, Pve
from support.simulator import SimulatorProcess

GUEST = ["VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network",
         "VM.Config.Options", "VM.PowerMgmt"]  # fmt: skip


def token(simulator: SimulatorProcess, as_token: AsToken, *acl: tuple[str, list[str]]) -> Pve:
    entries = [{"path": path, "privileges": privileges} for path, privileges in acl]
    return as_token("app@pve!test", simulator.add_token("app@pve!test", entries))


def test_without_rights_lists_are_empty_and_objects_forbidden(simulator: SimulatorProcess, as_token: AsToken) -> None:
    poor = token(simulator, as_token)
    assert poor.get("/version")["release"] == "9.2"
    assert poor.get("/access/permissions") == {}
    assert poor.get("/nodes/pve1/lxc") == []
    assert poor.get("/nodes/pve1/storage") == []
    assert poor.get("/cluster/tasks") == []
    assert {entry["type"] for entry in poor.get("/cluster/resources")} == {"node"}
    assert "cpu" not in poor.get("/nodes")[0]
    assert poor.get("/cluster/nextid", vmid=20001) == "20001"
    assert poor.call("GET", "/cluster/status").reason == "Permission check failed (/, Sys.Audit)"
    assert poor.call("GET", "/nodes/pve1/lxc/100/config").reason == "Permission check failed (/vms/100, VM.Audit)"
    assert poor.create(20001).reason == "Permission check failed"
    start = poor.post("/nodes/pve2/lxc/105/status/start")
    assert start.reason == "Permission check failed (/vms/105, VM.PowerMgmt)"


def test_each_missing_right_is_named(simulator: SimulatorProcess, as_token: AsToken) -> None:
    some = token(simulator, as_token, ("/vms", GUEST), ("/storage", ["Datastore.AllocateSpace", "Datastore.Audit"]))
    assert some.create(20001).reason == "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)"
    form = {"storage": "local", "template": "alpine-3.22-default_20250617_amd64.tar.xz"}
    download = some.post("/nodes/pve1/aplinfo", **form)
    assert download.reason == "Permission check failed (/storage/local, Datastore.AllocateTemplate)"
    net = ("/sdn/zones/localnetwork/vmbr0", ["SDN.Use"])
    no_disk = token(simulator, as_token, ("/vms", GUEST), ("/storage/local", ["Datastore.Audit"]), net)
    assert no_disk.create(20001).reason == "Permission check failed (/storage/local-lvm, Datastore.AllocateSpace)"


def test_a_token_of_an_allowed_user_needs_its_own_rights(
    pve: Pve, simulator: SimulatorProcess, as_token: AsToken
) -> None:
    assert "VM.Audit" in pve.get("/access/permissions")["/"]
    secret = simulator.add_token("proximity@pve!poor", [])
    assert as_token("proximity@pve!poor", secret).get("/access/permissions") == {}


def test_a_deeper_entry_replaces_the_inherited_one(simulator: SimulatorProcess, as_token: AsToken) -> None:
    some = token(simulator, as_token, ("/vms", ["VM.Audit"]), ("/vms/100", ["VM.PowerMgmt"]))
    assert some.get("/access/permissions")["/vms/100"] == {"VM.PowerMgmt": 1}
    assert some.get("/access/permissions?path=/vms/101") == {"/vms/101": {"VM.Audit": 1}}
    assert 100 not in {guest["vmid"] for guest in some.get("/nodes/pve1/lxc")}


def test_others_tasks_need_sys_audit(pve: Pve, simulator: SimulatorProcess, as_token: AsToken) -> None:
    upid = pve.created(20001)
    some = token(simulator, as_token, ("/vms", GUEST))
    assert some.get("/nodes/pve1/tasks", source="all") == []
    refused = some.call("GET", f"/nodes/pve1/tasks/{upid}/status")
    assert refused.reason == "Permission check failed (/nodes/pve1, Sys.Audit)"
    own = some.post("/nodes/pve2/lxc/105/status/start").json()["data"]
    assert some.ended(own) == "OK"
    auditor = token(simulator, as_token, ("/nodes", ["Sys.Audit"]))
    assert {task["upid"] for task in auditor.get("/nodes/pve1/tasks")} == {upid}


def test_root_only_options_are_refused_to_tokens(pve: Pve) -> None:
    answer = pve.create(20001, features="keyctl=1,nesting=1")
    assert answer.status_code == 403
    assert "only allowed for root@pam" in answer.reason


def test_a_revoked_token_is_unknown_at_once(simulator: SimulatorProcess, as_token: AsToken) -> None:
    some = token(simulator, as_token, ("/vms", GUEST))
    assert some.call("GET", "/version").status_code == 200
    simulator.revoke_token("app@pve!test")
    assert some.call("GET", "/version").status_code == 401

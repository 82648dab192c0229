"""Users, tokens, roles and lists that are made and changed through the API."""

import time
from pathlib import Path

import pytest

from integration.simulator.conftest import AsToken, Pve
from support.simulator import SimulatorProcess

EVERYTHING = "Sys.Audit,Sys.Modify,User.Modify,Realm.AllocateUser,Permissions.Modify,VM.Audit,VM.Allocate"


@pytest.fixture
def admin(simulator: SimulatorProcess, as_token: AsToken) -> Pve:
    secret = simulator.add_token("admin@pve!it", [{"path": "/", "privileges": EVERYTHING.split(",")}])
    return as_token("admin@pve!it", secret)


def made(admin: Pve, as_token: AsToken, **options: str) -> Pve:
    admin.post("/access/users", userid="app@pve")
    secret = admin.post("/access/users/app@pve/token/app", **options).json()["data"]["value"]
    return as_token("app@pve!app", secret)


def give(admin: Pve, path: str, role: str, *who: str, **options: str) -> None:
    users, tokens = ",".join(w for w in who if "!" not in w), ",".join(w for w in who if "!" in w)
    form = {"path": path, "roles": role, "users": users, "tokens": tokens} | options
    answer = admin.call("PUT", "/access/acl", data={key: value for key, value in form.items() if value})
    assert answer.status_code == 200, answer.text


def seen(pve: Pve) -> set[int]:
    return {guest["vmid"] for guest in pve.get("/cluster/resources", type="vm")}


def test_a_separate_token_needs_both_rights(admin: Pve, as_token: AsToken) -> None:
    app = made(admin, as_token, privsep="1")
    assert app.get("/access/permissions") == {}
    give(admin, "/vms", "PVEAuditor", "app@pve")
    assert seen(app) == set()
    give(admin, "/vms/100", "PVEAuditor", "app@pve!app")
    assert seen(app) == {100}


def test_a_token_without_separation_has_its_users_rights(admin: Pve, as_token: AsToken) -> None:
    app = made(admin, as_token, privsep="0")
    give(admin, "/vms", "PVEAuditor", "app@pve")
    assert {100, 200} <= seen(app)
    give(admin, "/vms/100", "NoAccess", "app@pve")
    assert 100 not in seen(app)
    assert 200 in seen(app)
    give(admin, "/vms/100", "NoAccess", "app@pve", delete="1")
    assert 100 in seen(app)


def test_who_is_disabled_or_expired_is_refused(admin: Pve, as_token: AsToken) -> None:
    app = made(admin, as_token)
    assert app.call("GET", "/version").status_code == 200
    for off, on in (({"enable": 0}, {"enable": 1}), ({"expire": int(time.time()) - 5}, {"expire": 0})):
        admin.call("PUT", "/access/users/app@pve", data=off)
        assert app.call("GET", "/version").reason == "Authentication failed!"
        admin.call("PUT", "/access/users/app@pve", data=on)
        assert app.call("GET", "/version").status_code == 200


def test_a_role_that_goes_takes_its_entries_along(admin: Pve, as_token: AsToken) -> None:
    app = made(admin, as_token, privsep="0")
    admin.post("/access/roles", roleid="Viewer", privs="VM.Audit")
    give(admin, "/vms", "Viewer", "app@pve")
    assert seen(app)
    assert admin.call("DELETE", "/access/roles/Viewer").status_code == 200
    assert seen(app) == set()
    assert "Viewer" not in {entry["roleid"] for entry in admin.get("/access/acl")}


def test_all_of_it_is_still_there_after_a_restart(own_simulator: SimulatorProcess, tmp_path: Path) -> None:
    secret = own_simulator.add_token("admin@pve!it", [{"path": "/", "privileges": EVERYTHING.split(",")}])
    authority = tmp_path / "ca.pem"
    authority.write_text(own_simulator.connection().ca_pem)

    def as_token(token: str, secret: str) -> Pve:
        return Pve(own_simulator.connection().url, f"PVEAPIToken={token}={secret}", authority)

    admin = as_token("admin@pve!it", secret)
    app = made(admin, as_token, privsep="0", comment="mine")
    admin.post("/access/roles", roleid="Viewer", privs="VM.Audit")
    give(admin, "/vms", "Viewer", "app@pve")
    before = (admin.get("/access/users", full=1), admin.get("/access/acl"), seen(app))
    own_simulator.restart()
    assert (admin.get("/access/users", full=1), admin.get("/access/acl"), seen(app)) == before
    assert before[2]

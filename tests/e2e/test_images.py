"""An application made of an image, on the whole product."""

import urllib.request

import pytest

from support.whole import Watcher, Whole

pytestmark = pytest.mark.slow


def test_what_a_recipe_of_an_image_says(whole: Whole) -> None:
    recipe = whole.get("/catalog/gitea")
    assert (recipe["runtime"], recipe["template"]) == ("oci", None)
    assert recipe["image"]["reference"].startswith("docker.io/gitea/gitea:")
    assert recipe["volumes"] == [{"path": "/data", "size_gib": {"setting": "data_gib"}}]
    assert {r["slug"]: r["runtime"] for r in whole.get("/catalog")["items"]}.items() >= {
        ("debian", "template"),
        ("postgres", "oci"),
        ("vaultwarden", "oci"),
    }


def test_settings_that_do_not_fit_are_named(whole: Whole) -> None:
    settings = {"data_gib": 0, "root_url": "gitea.example"}
    with whole.client() as client:
        refused = client.post("/applications", json={"recipe": "gitea", "name": "No", "settings": settings})
    assert refused.status_code == 422
    assert {error["field"] for error in refused.json()["errors"]} == {"settings.data_gib", "settings.root_url"}


def test_from_an_image_to_an_answering_application_and_back(whole: Whole) -> None:
    settings = {"data_gib": 5, "title": "Our code"}
    with Watcher(whole).watching() as browser:
        body = {"recipe": "gitea", "name": "Code", "settings": settings}
        accepted = whole.order("POST", "/applications", body)
        browser.wait_for_operation(accepted["operation_id"], "succeeded")
        steps = browser.rows("operations", accepted["operation_id"])[-1]["steps"]
    assert [step["name"] for step in steps if step["status"] == "done"] == [
        "preflight", "pull_image", "claim_vmid", "create", "configure", "start", "find_address", "probe",
    ]  # fmt: skip

    path = f"/applications/{accepted['application_id']}"
    row = whole.get(path)
    assert (row["status"], row["runtime"], row["recipe"], row["disk_gib"]) == ("running", "oci", "gitea", 2 + 5)
    assert row["url"] == f"http://{row['address']}:3000/"
    with urllib.request.urlopen(row["url"], timeout=5) as page:
        assert page.status == 200
    told = [entry["summary"] for entry in whole.get(f"{path}/history")["items"]]
    assert any(summary.startswith("The image of Code was pulled to ") for summary in told)

    deleted = whole.order("DELETE", path)
    assert whole.ended_operation(deleted["operation_id"])["status"] == "succeeded"
    assert whole.journal("code") == ["create", "destroy"]

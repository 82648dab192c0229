"""What `proximity up` takes from the environment, and what it refuses."""

from pathlib import Path

import pytest

from proximity_launcher.failure import Exit, Failure
from proximity_launcher.up.options import from_environment

OFFER = {
    "PROXIMITY_TEST_PVE_URL": "https://pve.example:8006",
    "PROXIMITY_TEST_PVE_TOKEN_ID": "proximity@pve!proximity",
    "PROXIMITY_TEST_PVE_TOKEN_SECRET": "5d77c0de",
    "PROXIMITY_TEST_PVE_FINGERPRINT": "AB:CD",
}


def test_nothing_has_to_be_said() -> None:
    options = from_environment({})
    assert (options.port, options.nats_port, options.postgres_port) == (8080, 0, 0)
    assert options.data.name == ".proximity"
    assert (options.catalog / "recipe.schema.json").exists()
    assert options.offered is None


def test_empty_variables_count_as_unset() -> None:
    assert from_environment({"PROXIMITY_PORT": "", "PROXIMITY_TEST_PVE_URL": ""}) == from_environment({})


@pytest.mark.parametrize("port", ["eighty", "70000", "-1"])
def test_port_that_is_none(port: str) -> None:
    with pytest.raises(Failure, match="PROXIMITY_PORT must be a port number") as refused:
        from_environment({"PROXIMITY_PORT": port})
    assert refused.value.status is Exit.USAGE


def test_offered_cluster_keeps_its_secret_to_itself() -> None:
    offered = from_environment(OFFER).offered
    assert offered is not None
    assert (offered.url, offered.token_secret) == ("https://pve.example:8006", "5d77c0de")
    assert "5d77c0de" not in repr(from_environment(OFFER))


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ("PROXIMITY_TEST_PVE_TOKEN_SECRET", "PROXIMITY_TEST_PVE_TOKEN_SECRET must be set too"),
        ("PROXIMITY_TEST_PVE_FINGERPRINT", "PROXIMITY_TEST_PVE_FINGERPRINT or PROXIMITY_TEST_PVE_CA must be set too"),
    ],
)
def test_half_an_offer_says_what_is_lacking(left_out: str, named: str) -> None:
    with pytest.raises(Failure, match=named):
        from_environment({name: value for name, value in OFFER.items() if name != left_out})


def test_authority_is_given_as_text_or_as_a_file(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----"
    (tmp_path / "ca.pem").write_text(pem)
    for given in (pem, str(tmp_path / "ca.pem")):
        offered = from_environment(OFFER | {"PROXIMITY_TEST_PVE_CA": given}).offered
        assert offered is not None
        assert offered.ca == pem
    with pytest.raises(Failure, match="/nowhere cannot be read"):
        from_environment(OFFER | {"PROXIMITY_TEST_PVE_CA": "/nowhere"})

"""What the simulator's README promises to those who test other clients."""

from urllib.parse import urlsplit

from proxmoxer import ProxmoxAPI

from proximity_simulator.pytest_plugin import simulated_pve  # noqa: F401  a fixture


def test_a_client_of_others_finds_a_cluster(simulated_pve: dict[str, str]) -> None:  # noqa: F811
    user, _, token = simulated_pve["token_id"].partition("!")
    address = urlsplit(simulated_pve["url"])
    client = ProxmoxAPI(
        address.hostname, port=address.port, user=user, token_name=token, token_value=simulated_pve["token_secret"],
        verify_ssl=simulated_pve["ca_file"],
    )  # fmt: skip
    assert {node["node"] for node in client.nodes.get()} == {"pve1", "pve2"}
    assert "jellyfin" in {guest["name"] for guest in client.cluster.resources.get(type="vm")}

"""A claim that is not granted, in a person's words."""

from proximity.domain.claim.claim import ClaimRefusedError
from proximity.domain.errors import Rejected

GUEST_TAKEN = ("guest_taken", "Another application has this container already.")


def rejected(refused: ClaimRefusedError) -> Rejected:
    wish = refused.wish
    match wish.kind, wish.action:
        case "name", _:
            return Rejected("name_taken", "This name is in use already. Choose another one.")
        case "tenancy", "take":
            return Rejected("cluster_removed", "The cluster connection has been removed.")
        case "tenancy", _:
            count = len(refused.holders)
            have = "1 application lives" if count == 1 else f"{count} applications live"
            return Rejected("cluster_has_applications", f"{have} on this cluster. Delete them first.")
        case "guest", _:
            return Rejected(*GUEST_TAKEN)
        case "fingerprint", _:
            return Rejected("already_connected", "This Proxmox cluster is connected already.")
        case _:
            return Rejected("taken", f"The {wish.kind} {wish.key} is taken.")

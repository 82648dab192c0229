"""The cluster aggregate: one connection to a Proxmox VE, be it a cluster or a single node."""

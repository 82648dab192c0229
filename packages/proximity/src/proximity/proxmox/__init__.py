"""The port to Proxmox VE: observe.py reads, hypervisor.py changes, client.py is the adapter (proxmoxer, in threads)."""

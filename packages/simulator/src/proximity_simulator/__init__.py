"""A Proxmox VE that needs no hardware: a process of its own around fakepve, for a first run and for tests."""

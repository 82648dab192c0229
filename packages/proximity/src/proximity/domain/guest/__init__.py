"""What Proxmox has and Proximity does not manage: seen by the reconciler, adopted by an application."""

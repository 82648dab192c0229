"""`python -m proximity_provisioner`."""

from proximity_provisioner.main import main

main()

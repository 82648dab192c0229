"""`python -m proximity_launcher` is the `proximity` command."""

from proximity_launcher.cli import app

app()

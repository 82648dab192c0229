"""The two steps that end before the containers of compose.yaml can work."""

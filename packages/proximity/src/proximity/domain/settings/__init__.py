"""The settings aggregate (one: `installation`): what holds for the whole installation."""

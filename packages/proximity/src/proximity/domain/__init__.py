"""What Proximity knows and decides. Pure: no I/O, clock, random or logging; the standard library and pydantic only."""

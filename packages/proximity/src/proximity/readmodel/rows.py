"""A row as the projections make it: column name -> value. Never changed in place; the same object means no change."""

from typing import Any

Row = dict[str, Any]

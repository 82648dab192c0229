"""The log becomes rows: live, after a rebuild, and whatever breaks in between."""

"""One file per read model. Each is a pure function: the row as it was, an event -> the row as it is."""

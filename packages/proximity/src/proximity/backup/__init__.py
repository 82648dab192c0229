"""Backing up an installation and making it again: the log with its positions, the sealed secrets, the credentials."""

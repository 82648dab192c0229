"""What all operations have in common, and what is said of a command that no aggregate took."""

"""The identity aggregate: a person who may sign in. Decided and appended by the api; no effect outside the log."""

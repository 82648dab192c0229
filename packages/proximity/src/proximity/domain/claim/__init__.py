"""Uniqueness across aggregates: what must be unique is a subject of its own (`proximity.events.claim.<kind>.<key>`).

`kind` is one of
- `name` (key: the application's slug, or `cluster.` and the cluster's slug): released when the thing is gone,
- `vmid` (key: `<cluster id>-<vmid>`): never released, so that a late DELETE can never meet a stranger,
- `fingerprint` (key: a node certificate's SHA-256 in hex): no cluster is connected twice,
- `user` (key: SHA-256 of the user name), `installation` (key: `setup`),
- `operation` (key: an operation id that a client made; holder: a keyed digest of who asks for what): never released, so
  that an id never stands for two requests,
- `tenancy` (key: a cluster's id): who lives there; shared, and closed when the cluster is removed.
"""

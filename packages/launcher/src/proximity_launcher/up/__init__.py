"""`proximity up`: NATS, PostgreSQL, the simulator and the services on one machine, each a process of its own."""

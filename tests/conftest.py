pytest_plugins = ["support.fixtures", "support.simulator", "support.stage"]

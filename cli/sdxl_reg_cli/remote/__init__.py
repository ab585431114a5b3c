"""The commands with `--server`: they ask a server instead of the registry of this machine."""

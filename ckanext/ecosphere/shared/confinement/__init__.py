"""The walls around the process that reads untrusted files."""

"""`make chaos`: kill the processes of a portal under load, and check that no data is lost."""

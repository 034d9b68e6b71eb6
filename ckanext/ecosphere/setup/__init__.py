"""Setting the portal up, looking after it and leaving it: init, check, adopt and leave, recovery."""

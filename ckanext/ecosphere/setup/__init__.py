"""Set-up, maintenance and removal of the suite: init, check, adopt, leave, recovery."""

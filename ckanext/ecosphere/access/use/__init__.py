"""How often data are taken, counted without a trace of who took them."""

"""Benchmarks on this machine: real services, real workers, and the stock harvester beside ours."""

"""Tests of health, metrics, logs, backup and upgrade."""

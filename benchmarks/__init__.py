"""Benchmarks: one script per performance claim, run with ``python -m benchmarks``."""

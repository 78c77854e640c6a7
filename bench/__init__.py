"""Benchmarks: every module here has `rows()`, and `python -m bench` runs them all."""

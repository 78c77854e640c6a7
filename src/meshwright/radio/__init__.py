"""Radios behind one port, and the runner that drives machines on them."""

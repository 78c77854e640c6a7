"""Radios of datagrams: other programs on the same machine."""

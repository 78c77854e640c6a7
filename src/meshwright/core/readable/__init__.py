"""Octets in, text out: what is on the air, for people and for programs."""

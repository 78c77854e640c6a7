"""Fuzzing: every parser and both machines, fed with octets that nobody would send.

The invariant is "a value, a documented error, or a bounded wait", with memory and time per input
limited. `python -m fuzz` runs the targets with atheris, or with plain mutations where there is
none.
"""

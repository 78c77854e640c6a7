"""The history of the schema; each file in `versions` is one step and never changes again.

A new step gets the next number, is added to `tables.REVISIONS`, and also runs under the
previous release: add first, remove one release later.
"""

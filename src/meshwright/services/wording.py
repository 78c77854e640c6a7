"""Reasons as people read them: whole sentences, and nothing in them that moves the cursor."""

from __future__ import annotations

_LONGEST = 400


def sentence(text: str) -> str:
    """Return `text` as one sentence on one line.

    Some of it may come from a hostile device, such as the name in its certificate: what cannot be
    printed is replaced, and too much is cut.
    """
    clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    if len(clean) > _LONGEST:
        clean = clean[:_LONGEST] + "..."
    first, space, rest = clean.partition(" ")
    if first.isascii() and first.isalpha() and first.islower():
        clean = first.capitalize() + space + rest
    return clean if clean.endswith((".", "?", "!")) or not clean else clean + "."

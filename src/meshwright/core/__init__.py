"""Protocol logic: bytes, `now` and randomness in; bytes and effects out."""

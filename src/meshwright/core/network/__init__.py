"""Network and transport layers of a mesh message."""

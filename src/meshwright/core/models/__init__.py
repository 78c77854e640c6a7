"""Messages of the foundation models."""

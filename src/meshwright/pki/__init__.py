"""Device identity: keys, authority, profile, validation."""

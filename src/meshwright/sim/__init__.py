"""Virtual devices and their flash, for demos and tests."""

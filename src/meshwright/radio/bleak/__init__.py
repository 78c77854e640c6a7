"""PB-GATT on the operating system's own stack, through bleak."""

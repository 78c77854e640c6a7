"""The simulated air, its radios and connections, in virtual time."""

"""How provisioning PDUs travel."""

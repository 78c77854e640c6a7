"""The provisioning protocol, both roles."""

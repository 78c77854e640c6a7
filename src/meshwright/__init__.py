"""Zero-touch, certificate-based provisioning for Bluetooth Mesh."""

__version__ = "0.1.0"

"""Zero-touch, certificate-based provisioning for Bluetooth Mesh.

The names below are the public API; each is imported when it is used, so that a command that needs
little starts fast. What is not listed here may change without notice until 1.0.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshwright.core.errors import MeshwrightError
    from meshwright.core.provisioning.device import DeviceMachine, DeviceOptions
    from meshwright.core.provisioning.oob import AuthenticationPolicy
    from meshwright.core.provisioning.provisioner import ProvisionerMachine
    from meshwright.pki.validation import ChainValidator
    from meshwright.radio.runner import Runner
    from meshwright.radio.simulated import Air
    from meshwright.services.commissioning import Commissioner, CommissioningOptions
    from meshwright.sim.device import VirtualDevice
    from meshwright.wiring.home import Home, SecretSource
    from meshwright.wiring.site import Site, SiteOptions

__version__ = "0.1.0"

_PLACES = {
    "Air": "radio.simulated",
    "AuthenticationPolicy": "core.provisioning.oob",
    "ChainValidator": "pki.validation",
    "Commissioner": "services.commissioning",
    "CommissioningOptions": "services.commissioning",
    "DeviceMachine": "core.provisioning.device",
    "DeviceOptions": "core.provisioning.device",
    "Home": "wiring.home",
    "MeshwrightError": "core.errors",
    "ProvisionerMachine": "core.provisioning.provisioner",
    "Runner": "radio.runner",
    "SecretSource": "wiring.home",
    "Site": "wiring.site",
    "SiteOptions": "wiring.site",
    "VirtualDevice": "sim.device",
}

__all__ = [
    "Air",
    "AuthenticationPolicy",
    "ChainValidator",
    "Commissioner",
    "CommissioningOptions",
    "DeviceMachine",
    "DeviceOptions",
    "Home",
    "MeshwrightError",
    "ProvisionerMachine",
    "Runner",
    "SecretSource",
    "Site",
    "SiteOptions",
    "VirtualDevice",
]


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{place}"), name)

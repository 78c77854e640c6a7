"""Zero-touch, certificate-based provisioning for Bluetooth Mesh.

The names below are the public API; each is imported when it is used, so that a command that needs
little starts fast. What is not listed here may change without notice until 1.0.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshwright.core.crypto import KeyPair
    from meshwright.core.discovery.beacon import OobInformation
    from meshwright.core.errors import MeshwrightError
    from meshwright.core.provisioning.device import DeviceMachine
    from meshwright.core.provisioning.device_options import DeviceOptions
    from meshwright.core.provisioning.fields import (
        Algorithm,
        AuthenticationMethod,
        InputAction,
        OutputAction,
    )
    from meshwright.core.provisioning.policy import AuthenticationPolicy
    from meshwright.core.provisioning.provisioner import ProvisionerMachine
    from meshwright.core.provisioning.values import OobKind, StaticOob
    from meshwright.pki.validation import ChainValidator
    from meshwright.radio.runner import Runner
    from meshwright.radio.simulated.air import Air
    from meshwright.radio.station import Station
    from meshwright.randomness import SeededRandomness, SystemRandomness
    from meshwright.roles.advertised import BeaconTiming
    from meshwright.roles.bearers import Bearer
    from meshwright.roles.device import Device
    from meshwright.roles.device_events import DeviceEvents, Joined
    from meshwright.roles.discovery import DeviceDiscovered, Discovery
    from meshwright.roles.methods import Method
    from meshwright.roles.provisioned import (
        AddressPool,
        NetworkCredentials,
        ProvisionedNode,
        ProvisioningError,
    )
    from meshwright.roles.provisioner import Provisioner
    from meshwright.roles.provisioner_events import ProvisionerEvents
    from meshwright.roles.transceiver import Transceiver
    from meshwright.services.commissioning import Commissioner
    from meshwright.services.commissioning_options import CommissioningOptions
    from meshwright.sim.device import VirtualDevice
    from meshwright.wiring.home import Home, SecretSource
    from meshwright.wiring.radios import open_station, opened_station
    from meshwright.wiring.site import Site, SiteOptions

__version__ = "0.1.0"

_PLACES = {
    "AddressPool": "roles.provisioned",
    "Air": "radio.simulated.air",
    "Algorithm": "core.provisioning.fields",
    "AuthenticationMethod": "core.provisioning.fields",
    "AuthenticationPolicy": "core.provisioning.policy",
    "BeaconTiming": "roles.advertised",
    "Bearer": "roles.bearers",
    "ChainValidator": "pki.validation",
    "Commissioner": "services.commissioning",
    "CommissioningOptions": "services.commissioning_options",
    "Device": "roles.device",
    "DeviceDiscovered": "roles.discovery",
    "DeviceEvents": "roles.device_events",
    "DeviceMachine": "core.provisioning.device",
    "DeviceOptions": "core.provisioning.device_options",
    "Discovery": "roles.discovery",
    "Home": "wiring.home",
    "InputAction": "core.provisioning.fields",
    "Joined": "roles.device_events",
    "KeyPair": "core.crypto",
    "MeshwrightError": "core.errors",
    "Method": "roles.methods",
    "NetworkCredentials": "roles.provisioned",
    "OobInformation": "core.discovery.beacon",
    "OobKind": "core.provisioning.values",
    "OutputAction": "core.provisioning.fields",
    "ProvisionedNode": "roles.provisioned",
    "Provisioner": "roles.provisioner",
    "ProvisionerEvents": "roles.provisioner_events",
    "ProvisionerMachine": "core.provisioning.provisioner",
    "ProvisioningError": "roles.provisioned",
    "Runner": "radio.runner",
    "SecretSource": "wiring.home",
    "SeededRandomness": "randomness",
    "Site": "wiring.site",
    "SiteOptions": "wiring.site",
    "StaticOob": "core.provisioning.values",
    "Station": "radio.station",
    "SystemRandomness": "randomness",
    "Transceiver": "roles.transceiver",
    "VirtualDevice": "sim.device",
    "open_station": "wiring.radios",
    "opened_station": "wiring.radios",
}

__all__ = [
    "AddressPool",
    "Air",
    "Algorithm",
    "AuthenticationMethod",
    "AuthenticationPolicy",
    "BeaconTiming",
    "Bearer",
    "ChainValidator",
    "Commissioner",
    "CommissioningOptions",
    "Device",
    "DeviceDiscovered",
    "DeviceEvents",
    "DeviceMachine",
    "DeviceOptions",
    "Discovery",
    "Home",
    "InputAction",
    "Joined",
    "KeyPair",
    "MeshwrightError",
    "Method",
    "NetworkCredentials",
    "OobInformation",
    "OobKind",
    "OutputAction",
    "ProvisionedNode",
    "Provisioner",
    "ProvisionerEvents",
    "ProvisionerMachine",
    "ProvisioningError",
    "Runner",
    "SecretSource",
    "SeededRandomness",
    "Site",
    "SiteOptions",
    "StaticOob",
    "Station",
    "SystemRandomness",
    "Transceiver",
    "VirtualDevice",
    "open_station",
    "opened_station",
]


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{place}"), name)

"""Every target: what it runs, what it starts from, and how long its inputs may get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fuzz import (
    artefact_seeds,
    artefacts,
    connections,
    conversations,
    machines,
    messages,
    parsers,
    seeds,
)
from fuzz.invariant import in_time


@dataclass(frozen=True)
class Target:
    """One thing to fuzz; `run` raises for a finding and for nothing else."""

    call: Callable[[bytes], object]
    seeds: seeds.Seeds
    longest: int = 512

    def run(self, data: bytes) -> None:
        """Run one input of at most `longest` octets, within its time."""
        in_time(self.call, data[: self.longest])


TARGETS = {
    "ad": Target(parsers.advertising, seeds.advertisements, 255),
    "beacon": Target(parsers.beacons, seeds.vectors("beacons"), 64),
    "uri": Target(parsers.uris, seeds.uris, 128),
    "generic": Target(parsers.generic_pdus, seeds.packets, 32),
    "reassembly": Target(parsers.reassembly, seeds.transactions, 2048),
    "proxy-segments": Target(parsers.proxy_segments, seeds.proxy_segments, 2048),
    "proxy-messages": Target(parsers.proxy_messages, seeds.behind(2, seeds.pdus), 2048),
    "service-data": Target(parsers.service_datas, seeds.service_datas, 64),
    "readable": Target(parsers.readable, seeds.readable, 2048),
    "provisioning-pdu": Target(parsers.provisioning_pdus, seeds.pdus, 256),
    "record-answers": Target(parsers.record_answers, seeds.record_answers, 1024),
    "record-requests": Target(parsers.record_requests, seeds.pdus, 16),
    "network-pdu": Target(messages.network_pdus, seeds.vectors("network_transport"), 32),
    "transport-pdu": Target(
        messages.transport_pdus, seeds.behind(3, seeds.vectors("network_transport")), 32
    ),
    "upper-transport": Target(
        messages.upper_transport, seeds.behind(4, seeds.vectors("network_transport"))
    ),
    "access": Target(messages.access_messages, seeds.vectors("config_messages", "composition")),
    "composition": Target(messages.composition, seeds.vectors("composition")),
    "node": Target(messages.node, seeds.node),
    "der": Target(artefacts.der_elements, artefact_seeds.certificates, 4096),
    "certificate": Target(artefacts.certificates, artefact_seeds.certificates, 4096),
    "chain": Target(artefacts.chains, artefact_seeds.chains, 4096),
    "resigned": Target(artefacts.resigned, artefact_seeds.signed_parts, 4096),
    "compact-chain": Target(artefacts.compact_chains, artefact_seeds.compact_chains),
    "csr": Target(artefacts.requests, artefact_seeds.requests, 4096),
    "common-name": Target(artefacts.common_names, artefact_seeds.common_names, 256),
    "crl": Target(artefacts.crls, artefact_seeds.crls, 4096),
    "label": Target(artefacts.labels, artefact_seeds.labels),
    "flash": Target(artefacts.flash_files, artefact_seeds.flash_files, 4096),
    "key-file": Target(artefacts.key_files, artefact_seeds.key_files, 4096),
    "settings": Target(artefacts.home_settings, artefact_seeds.home_settings, 2048),
    "device": Target(machines.device, seeds.device, 1024),
    "provisioner": Target(machines.provisioner, seeds.provisioner, 1024),
    "device-gatt": Target(connections.device, seeds.device_connections, 1024),
    "provisioner-gatt": Target(connections.provisioner, seeds.provisioner_connections, 1024),
    "session": Target(conversations.session, seeds.sessions, 256),
    "air": Target(conversations.air, seeds.fates),
}

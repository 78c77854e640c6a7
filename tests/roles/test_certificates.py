"""Zero-touch with the library: chains read over the link and validated before anything else."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from tests.roles.certified import BASE_URI, NOW, certified
from tests.roles.roles_world import BEARERS, IN_BAND, ONE, World

from meshwright.clock import ManualClock
from meshwright.core.discovery.beacon import CERTIFICATE_BASED
from meshwright.core.discovery.uri import decode_uri
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import RecordId
from meshwright.core.provisioning.policy import ZERO_TOUCH
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.pki.validation import ChainValidator
from meshwright.roles.bearers import Bearer
from meshwright.roles.provisioned import ProvisionedNode, ProvisioningError

bearers = pytest.mark.parametrize("bearer", BEARERS, ids=lambda bearer: bearer.name)
OTHER = UUID(int=ONE.int ^ 1)


def provisioned(
    world: World, bearer: Bearer = Bearer.AUTO, *, root_of: int = 5, **more: object
) -> ProvisionedNode:
    roots = ChainValidator([certified(ONE, root_of).root])
    arguments = {
        name: more.pop(name) for name in ("records", "device_public", "static_oob") if name in more
    }

    async def program() -> ProvisionedNode:
        more.setdefault("policy", ZERO_TOUCH)
        async with world.provisioner(roots=roots, clock=ManualClock(NOW), **more) as provisioner:
            return await provisioner.provision(ONE, bearer, **arguments)  # type: ignore[arg-type] # by name

    return world.run(program())


@bearers
def test_a_certified_device_joins_without_anybody(bearer: Bearer) -> None:
    world = World()
    options = certified(ONE).options
    device = world.device(options=options, oob_information=CERTIFICATE_BASED)
    node = provisioned(world, bearer)
    assert device.is_provisioned
    assert node.authentication.key == "certificate"
    assert node.certificate is not None
    assert node.certificate.identity.uuid == ONE
    assert options.key_pair is not None
    assert node.certificate.public_key == options.key_pair.public
    assert node.records[RecordId.DEVICE_CERTIFICATE] == options.records[1]
    assert RecordId.BASE_URI not in node.records


def test_a_beacon_without_the_bits_spares_nobody_the_proof() -> None:
    """The bits are not authenticated: somebody may have taken them out."""
    world = World()
    world.device(options=certified(ONE).options)
    assert provisioned(world).authentication.key == "certificate"


def test_where_a_certificate_is_not_demanded_only_those_who_claim_one_show_it() -> None:
    world = World()
    world.device()
    node = provisioned(world, policy=IN_BAND)
    assert (node.certificate, node.authentication.key) == (None, "in-band")
    world = World()
    world.device(options=certified(ONE).options, oob_information=CERTIFICATE_BASED)
    assert provisioned(world, policy=IN_BAND).authentication.key == "certificate"


@bearers
def test_the_base_uri_is_read_if_asked_for(bearer: Bearer) -> None:
    world = World()
    world.device(options=certified(ONE).options)
    node = provisioned(world, bearer, records=(RecordId.BASE_URI, RecordId.LOCAL_NAME))
    assert decode_uri(node.records[RecordId.BASE_URI]) == BASE_URI
    assert RecordId.LOCAL_NAME not in node.records


def test_records_are_read_without_certificates_too() -> None:
    world = World()
    world.device(options=DeviceOptions(records={RecordId.LOCAL_NAME: b"lamp"}))

    async def program() -> ProvisionedNode:
        async with world.provisioner() as provisioner:
            return await provisioner.provision(ONE, records=[RecordId.LOCAL_NAME])

    assert world.run(program()).records == {RecordId.LOCAL_NAME: b"lamp"}


def test_a_certificate_and_a_static_value_go_together() -> None:
    world = World()
    value = StaticOob(OobKind.BINARY, bytes(range(32)))
    world.device(options=replace(certified(ONE).options, static_oob=value))
    node = provisioned(world, static_oob=value)
    assert (node.authentication.key, node.authentication.method) == ("certificate", "static")
    assert node.authentication.weaknesses == ()


def test_a_key_that_the_operator_vouches_for_needs_no_certificate() -> None:
    world = World()
    options = certified(ONE).options
    assert options.key_pair is not None
    world.device(options=replace(options, records={}))
    node = provisioned(world, device_public=options.key_pair.public)
    assert (node.certificate, node.authentication.key) == (None, "operator")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (certified(OTHER).options, "uuid-mismatch"),
        (certified(ONE, seed=6).options, "path-untrusted"),
        (replace(certified(ONE).options, records={0: b"\x17//x"}), "no-certificate"),
        (replace(certified(ONE).options, records={1: b"nonsense"}), "malformed-certificate"),
        (replace(certified(ONE).options, key_pair=None), "downgrade"),
        (
            replace(certified(ONE).options, key_pair=certified(ONE, seed=6).options.key_pair),
            "refused-by-device",
        ),
        (DeviceOptions(), "no-certificate"),
    ],
)
def test_whoever_cannot_prove_a_certificate_is_refused(options: DeviceOptions, code: str) -> None:
    world = World()
    device = world.device(options=options, oob_information=CERTIFICATE_BASED)
    with pytest.raises(ProvisioningError) as caught:
        provisioned(world)
    assert caught.value.code == code
    assert caught.value.node is None
    assert not device.is_provisioned
    assert device.link is None


def test_without_roots_zero_touch_refuses_everybody() -> None:
    world = World()
    world.device(options=certified(ONE).options, oob_information=CERTIFICATE_BASED)

    async def program() -> None:
        async with world.provisioner(policy=ZERO_TOUCH) as provisioner:
            await provisioner.provision(ONE)

    with pytest.raises(ProvisioningError) as caught:
        world.run(program())
    assert caught.value.code == "no-certified-key"

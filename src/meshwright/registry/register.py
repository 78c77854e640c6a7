"""The register: every store over one database."""

from __future__ import annotations

from meshwright.clock import Clock
from meshwright.registry.database import Database
from meshwright.registry.keyring import Keyring
from meshwright.registry.store.assets import AssetStore
from meshwright.registry.store.attempts import AttemptStore
from meshwright.registry.store.audit import AuditStore
from meshwright.registry.store.authorities import AuthorityStore
from meshwright.registry.store.credentials import CredentialStore
from meshwright.registry.store.desk import Desk
from meshwright.registry.store.issuance import IssuanceStore
from meshwright.registry.store.networks import NetworkStore
from meshwright.registry.store.nodes import NodeStore
from meshwright.registry.store.ticks import TickStore


class Register(
    TickStore,
    IssuanceStore,
    AuthorityStore,
    NetworkStore,
    AssetStore,
    CredentialStore,
    AttemptStore,
    NodeStore,
    AuditStore,
):
    """What must not be lost, in one place; `actor` is who the audit log names."""

    def __init__(
        self, database: Database, keyring: Keyring, clock: Clock, actor: str = "meshwright"
    ) -> None:
        super().__init__(Desk(database, keyring, clock, actor))

"""The tables as they are now; `migrations` says how they came to be.

Numbers that must never be handed out twice (addresses, sequence numbers, ticks) are counters
that only grow; triggers in the migrations hold that, and the audit log's chain, in the database.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from meshwright.registry.columns import (
    AuthenticationText,
    Choice,
    Long,
    Serial,
    UtcTime,
    UuidOctets,
    Words,
)
from meshwright.registry.entities import NodeState, Outcome, Role

REVISIONS = ("0001", "0002")
"""Every revision of the schema, oldest first; the last is what this release works with."""

APPLICATION_ID = 0x4D575247
"""Marks an SQLite file as ours ("MWRG")."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

authorities = Table(
    "authorities",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("role", Choice(Role), nullable=False),
    Column("name", Words, nullable=False, unique=True),
    Column("certificate", LargeBinary, nullable=False, unique=True),
    Column("key_reference", Words, nullable=False),
    Column("created", UtcTime, nullable=False),
    CheckConstraint("role IN ('root', 'batch')", name="role"),
    sqlite_strict=True,
)

tick_leases = Table(
    "tick_leases",
    metadata,
    Column("mac", LargeBinary, primary_key=True),
    Column("next_tick", Long, nullable=False),
    CheckConstraint("length(mac) = 6", name="mac"),
    sqlite_strict=True,
)

# A UUID and a public key belong to one device for ever.
devices = Table(
    "devices",
    metadata,
    Column("uuid", UuidOctets, primary_key=True),
    Column("spki_sha256", LargeBinary, nullable=False, unique=True),
    Column("created", UtcTime, nullable=False),
    CheckConstraint("length(uuid) = 16", name="uuid"),
    CheckConstraint("length(spki_sha256) = 32", name="spki_sha256"),
    sqlite_strict=True,
)

certificates = Table(
    "certificates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("issuer_id", LargeBinary, nullable=False),
    Column("serial", Serial, nullable=False),
    Column("uuid", UuidOctets, ForeignKey("devices.uuid"), nullable=False, index=True),
    Column("tbs", LargeBinary, nullable=False),
    Column("certificate", LargeBinary),
    Column("prepared", UtcTime, nullable=False),
    Column("issued", UtcTime),
    UniqueConstraint("issuer_id", "serial"),
    CheckConstraint("(certificate IS NULL) = (issued IS NULL)", name="issued"),
    sqlite_strict=True,
)

networks = Table(
    "networks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", UuidOctets, nullable=False, unique=True),
    Column("name", Words, nullable=False, unique=True),
    Column("net_key_index", Integer, nullable=False),
    Column("net_key", LargeBinary, nullable=False),
    Column("app_key_index", Integer, nullable=False),
    Column("app_key", LargeBinary, nullable=False),
    Column("iv_index", Long, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("provisioner_address", Integer, nullable=False),
    Column("next_address", Integer, nullable=False),
    Column("next_sequence", Integer, nullable=False),
    Column("created", UtcTime, nullable=False),
    CheckConstraint("net_key_index BETWEEN 0 AND 4095", name="net_key_index"),
    CheckConstraint("app_key_index BETWEEN 0 AND 4095", name="app_key_index"),
    CheckConstraint("iv_index BETWEEN 0 AND 4294967295", name="iv_index"),
    CheckConstraint("flags BETWEEN 0 AND 3", name="flags"),
    CheckConstraint("provisioner_address BETWEEN 1 AND 32767", name="provisioner_address"),
    CheckConstraint("next_address BETWEEN 1 AND 32768", name="next_address"),
    CheckConstraint("next_sequence BETWEEN 0 AND 16777216", name="next_sequence"),
    sqlite_strict=True,
)

assets = Table(
    "assets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", UuidOctets, nullable=False, unique=True),
    Column("name", Words, nullable=False),
    Column("network_id", Integer, ForeignKey("networks.id"), index=True),
    Column("source", Words, nullable=False),
    Column("added", UtcTime, nullable=False),
    CheckConstraint("length(uuid) = 16", name="uuid"),
    sqlite_strict=True,
)

# What is known of an asset beforehand. Failed tries up to the attempt `forgiven` no longer count.
credentials = Table(
    "credentials",
    metadata,
    Column("uuid", UuidOctets, ForeignKey("assets.uuid"), primary_key=True),
    Column("static_oob", LargeBinary),
    Column("public_key", LargeBinary),
    Column("forgiven", Integer, nullable=False),
    CheckConstraint("length(public_key) = 64", name="public_key"),
    sqlite_strict=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("network_id", Integer, ForeignKey("networks.id"), nullable=False),
    Column("uuid", UuidOctets, ForeignKey("assets.uuid"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("sender", Words, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("outcome", Choice(Outcome)),
    Column("code", Words),
    Column("reason", Words),
    UniqueConstraint("network_id", "uuid", "number"),
    CheckConstraint("number > 0", name="number"),
    CheckConstraint("outcome IN ('node', 'refused', 'failed', 'interrupted')", name="outcome"),
    CheckConstraint("(ended IS NULL) = (outcome IS NULL)", name="ended"),
    sqlite_strict=True,
)
Index(
    "ix_attempts_open",
    attempts.c.id,
    sqlite_where=text("ended IS NULL"),
    postgresql_where=text("ended IS NULL"),
)

# How an attempt was authenticated, if it came that far; `unproven` when the OOB value did not fit.
authentications = Table(
    "authentications",
    metadata,
    Column("attempt_id", Integer, ForeignKey("attempts.id"), primary_key=True),
    Column("chosen", AuthenticationText, nullable=False),
    Column("unproven", Integer, nullable=False),
    CheckConstraint("unproven IN (0, 1)", name="unproven"),
    sqlite_strict=True,
)
Index(
    "ix_authentications_unproven",
    authentications.c.attempt_id,
    sqlite_where=text("unproven = 1"),
    postgresql_where=text("unproven = 1"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("network_id", Integer, ForeignKey("networks.id"), nullable=False),
    Column("uuid", UuidOctets, ForeignKey("assets.uuid"), nullable=False),
    Column("attempt_id", Integer, ForeignKey("attempts.id"), nullable=False, unique=True),
    Column("address", Integer, nullable=False),
    Column("elements", Integer, nullable=False),
    Column("device_key", LargeBinary, nullable=False),
    Column("state", Choice(NodeState), nullable=False),
    Column("reserved", UtcTime, nullable=False),
    Column("settled", UtcTime),
    Column("reason", Words),
    UniqueConstraint("network_id", "address"),
    CheckConstraint("state IN ('reserved', 'node', 'burnt')", name="state"),
    CheckConstraint("elements BETWEEN 1 AND 255", name="elements"),
    CheckConstraint("address > 0 AND address + elements <= 32768", name="address"),
    sqlite_strict=True,
)
Index(
    "uq_nodes_node",
    nodes.c.network_id,
    nodes.c.uuid,
    unique=True,
    sqlite_where=text("state = 'node'"),
    postgresql_where=text("state = 'node'"),
)

# A partial index serves only queries that spell its condition out, without a parameter.
is_node = text("nodes.state = 'node'")
is_open = text("attempts.ended IS NULL")

audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("time", UtcTime, nullable=False),
    Column("actor", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("details", Words, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_strict=True,
)

# The end of the chain; a trigger moves it on, so that a lost tail is noticed.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="single"),
    sqlite_strict=True,
)

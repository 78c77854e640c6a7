"""The first tables: factory, networks, assets, nodes, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER, OCTETS, TEXT = sa.Integer(), sa.LargeBinary(), sa.Text()
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
APPLICATION_ID = 0x4D575247

TRIGGERS = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER audit_chain BEFORE INSERT ON audit
        WHEN NOT EXISTS (SELECT 1 FROM audit_head
            WHERE sequence = NEW.sequence - 1 AND hash = NEW.previous) BEGIN
        SELECT RAISE(ABORT, 'the line does not continue the audit log'); END""",
    """CREATE TRIGGER audit_append AFTER INSERT ON audit BEGIN
        UPDATE audit_head SET sequence = NEW.sequence, hash = NEW.hash; END""",
    """CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head
        WHEN NEW.sequence <> OLD.sequence + 1 BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER networks_counters_grow BEFORE UPDATE ON networks
        WHEN NEW.next_address < OLD.next_address OR NEW.next_sequence < OLD.next_sequence BEGIN
        SELECT RAISE(ABORT, 'a counter never goes back'); END""",
    """CREATE TRIGGER networks_stay BEFORE DELETE ON networks BEGIN
        SELECT RAISE(ABORT, 'the counters of a network are kept'); END""",
    """CREATE TRIGGER tick_leases_grow BEFORE UPDATE ON tick_leases
        WHEN NEW.next_tick < OLD.next_tick BEGIN
        SELECT RAISE(ABORT, 'a counter never goes back'); END""",
    """CREATE TRIGGER attempts_stay BEFORE DELETE ON attempts BEGIN
        SELECT RAISE(ABORT, 'attempt numbers are never reused'); END""",
)


def upgrade() -> None:
    """Make the tables, then the triggers that guard them."""
    _create_factory()
    _create_networks()
    _create_assets()
    _create_nodes()
    _create_audit()
    op.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for trigger in TRIGGERS:
        op.execute(trigger)


def _create_factory() -> None:
    """Create what the factory needs: CA certificates, UUID ticks, devices, certificates."""
    op.create_table(
        "authorities",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("certificate", OCTETS, nullable=False),
        sa.Column("key_reference", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.CheckConstraint("role IN ('root', 'batch')", name=op.f("ck_authorities_role")),
        sa.PrimaryKeyConstraint("id", name="pk_authorities"),
        sa.UniqueConstraint("certificate", name="uq_authorities_certificate"),
        sa.UniqueConstraint("name", name="uq_authorities_name"),
        sqlite_strict=True,
    )
    op.create_table(
        "tick_leases",
        sa.Column("mac", OCTETS, nullable=False),
        sa.Column("next_tick", LONG, nullable=False),
        sa.CheckConstraint("length(mac) = 6", name=op.f("ck_tick_leases_mac")),
        sa.PrimaryKeyConstraint("mac", name="pk_tick_leases"),
        sqlite_strict=True,
    )
    op.create_table(
        "devices",
        sa.Column("uuid", OCTETS, nullable=False),
        sa.Column("spki_sha256", OCTETS, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.CheckConstraint("length(spki_sha256) = 32", name=op.f("ck_devices_spki_sha256")),
        sa.CheckConstraint("length(uuid) = 16", name=op.f("ck_devices_uuid")),
        sa.PrimaryKeyConstraint("uuid", name="pk_devices"),
        sa.UniqueConstraint("spki_sha256", name="uq_devices_spki_sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "certificates",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("issuer_id", OCTETS, nullable=False),
        sa.Column("serial", OCTETS, nullable=False),
        sa.Column("uuid", OCTETS, nullable=False),
        sa.Column("tbs", OCTETS, nullable=False),
        sa.Column("certificate", OCTETS),
        sa.Column("prepared", TEXT, nullable=False),
        sa.Column("issued", TEXT),
        sa.CheckConstraint(
            "(certificate IS NULL) = (issued IS NULL)", name=op.f("ck_certificates_issued")
        ),
        sa.ForeignKeyConstraint(["uuid"], ["devices.uuid"], name="fk_certificates_uuid"),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
        sa.UniqueConstraint("issuer_id", "serial", name="uq_certificates_issuer_id_serial"),
        sqlite_strict=True,
    )
    op.create_index("ix_certificates_uuid", "certificates", ["uuid"])


def _create_networks() -> None:
    """Create networks and their counters."""
    op.create_table(
        "networks",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("uuid", OCTETS, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("net_key_index", NUMBER, nullable=False),
        sa.Column("net_key", OCTETS, nullable=False),
        sa.Column("app_key_index", NUMBER, nullable=False),
        sa.Column("app_key", OCTETS, nullable=False),
        sa.Column("iv_index", LONG, nullable=False),
        sa.Column("flags", NUMBER, nullable=False),
        sa.Column("provisioner_address", NUMBER, nullable=False),
        sa.Column("next_address", NUMBER, nullable=False),
        sa.Column("next_sequence", NUMBER, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.CheckConstraint(
            "app_key_index BETWEEN 0 AND 4095", name=op.f("ck_networks_app_key_index")
        ),
        sa.CheckConstraint("flags BETWEEN 0 AND 3", name=op.f("ck_networks_flags")),
        sa.CheckConstraint("iv_index BETWEEN 0 AND 4294967295", name=op.f("ck_networks_iv_index")),
        sa.CheckConstraint(
            "net_key_index BETWEEN 0 AND 4095", name=op.f("ck_networks_net_key_index")
        ),
        sa.CheckConstraint(
            "next_address BETWEEN 1 AND 32768", name=op.f("ck_networks_next_address")
        ),
        sa.CheckConstraint(
            "next_sequence BETWEEN 0 AND 16777216", name=op.f("ck_networks_next_sequence")
        ),
        sa.CheckConstraint(
            "provisioner_address BETWEEN 1 AND 32767", name=op.f("ck_networks_provisioner_address")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_networks"),
        sa.UniqueConstraint("name", name="uq_networks_name"),
        sa.UniqueConstraint("uuid", name="uq_networks_uuid"),
        sqlite_strict=True,
    )


def _create_assets() -> None:
    """Create what is owned, and every try at it."""
    op.create_table(
        "assets",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("uuid", OCTETS, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("network_id", NUMBER),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("added", TEXT, nullable=False),
        sa.CheckConstraint("length(uuid) = 16", name=op.f("ck_assets_uuid")),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name="fk_assets_network_id"),
        sa.PrimaryKeyConstraint("id", name="pk_assets"),
        sa.UniqueConstraint("uuid", name="uq_assets_uuid"),
        sqlite_strict=True,
    )
    op.create_index("ix_assets_network_id", "assets", ["network_id"])
    op.create_table(
        "attempts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("network_id", NUMBER, nullable=False),
        sa.Column("uuid", OCTETS, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("started", TEXT, nullable=False),
        sa.Column("ended", TEXT),
        sa.Column("outcome", TEXT),
        sa.Column("code", TEXT),
        sa.Column("reason", TEXT),
        sa.CheckConstraint(
            "outcome IN ('node', 'refused', 'failed', 'interrupted')",
            name=op.f("ck_attempts_outcome"),
        ),
        sa.CheckConstraint("(ended IS NULL) = (outcome IS NULL)", name=op.f("ck_attempts_ended")),
        sa.CheckConstraint("number > 0", name=op.f("ck_attempts_number")),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name="fk_attempts_network_id"),
        sa.ForeignKeyConstraint(["uuid"], ["assets.uuid"], name="fk_attempts_uuid"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint(
            "network_id", "uuid", "number", name="uq_attempts_network_id_uuid_number"
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_attempts_open",
        "attempts",
        ["id"],
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )


def _create_nodes() -> None:
    """Create address ranges and DevKeys."""
    op.create_table(
        "nodes",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("network_id", NUMBER, nullable=False),
        sa.Column("uuid", OCTETS, nullable=False),
        sa.Column("attempt_id", NUMBER, nullable=False),
        sa.Column("address", NUMBER, nullable=False),
        sa.Column("elements", NUMBER, nullable=False),
        sa.Column("device_key", OCTETS, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reserved", TEXT, nullable=False),
        sa.Column("settled", TEXT),
        sa.Column("reason", TEXT),
        sa.CheckConstraint("state IN ('reserved', 'node', 'burnt')", name=op.f("ck_nodes_state")),
        sa.CheckConstraint(
            "address > 0 AND address + elements <= 32768", name=op.f("ck_nodes_address")
        ),
        sa.CheckConstraint("elements BETWEEN 1 AND 255", name=op.f("ck_nodes_elements")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="fk_nodes_attempt_id"),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name="fk_nodes_network_id"),
        sa.ForeignKeyConstraint(["uuid"], ["assets.uuid"], name="fk_nodes_uuid"),
        sa.PrimaryKeyConstraint("id", name="pk_nodes"),
        sa.UniqueConstraint("attempt_id", name="uq_nodes_attempt_id"),
        sa.UniqueConstraint("network_id", "address", name="uq_nodes_network_id_address"),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_nodes_node",
        "nodes",
        ["network_id", "uuid"],
        unique=True,
        sqlite_where=sa.text("state = 'node'"),
        postgresql_where=sa.text("state = 'node'"),
    )


def _create_audit() -> None:
    """Create the audit log and the end of its chain."""
    op.create_table(
        "audit",
        sa.Column("sequence", NUMBER, nullable=False),
        sa.Column("time", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("previous", OCTETS, nullable=False),
        sa.Column("hash", OCTETS, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
        sqlite_strict=True,
    )
    op.create_table(
        "audit_head",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("sequence", NUMBER, nullable=False),
        sa.Column("hash", OCTETS, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_single")),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        sqlite_strict=True,
    )
    op.execute(sa.text("INSERT INTO audit_head VALUES (1, 0, zeroblob(32))"))

"""The rows of attacks and faults that every release must survive, and the tests that prove each.

A part of a row is proven by whole pages (every test in them) or by single tests. Rows that belong
to other work are left out here: S10, S11, S14 to S17 and S20.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
HERE, CORE = "attacks", "core/provisioning"
LINK, PKI, SERVICES = "core/bearers", "pki/test_validation.py", "services"

ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "S1 reflection, CVE-2020-26560": {
        "Provisioner: key, confirmation, random; both bearers": (
            f"{HERE}/test_s01_reflection.py::test_s1a_a_device_that_echoes_our_public_key",
            f"{HERE}/test_s01_reflection.py::test_s1b_a_device_that_echoes_our_confirmation",
            f"{HERE}/test_s01_reflection.py::test_s1c_a_device_that_echoes_our_random",
            f"{CORE}/test_attacks.py::test_s1_what_is_ours_does_not_come_back",
            f"{CORE}/test_attacks.py::test_s1_the_mirror_image_of_our_key_is_ours",
        ),
        "device: confirmation, and an earlier session": (
            f"{CORE}/test_attacks.py::test_s1_a_confirmation_like_our_own_is_refused_by_the_device",
            f"{HERE}/test_s01_reflection.py::test_s1_a_provisioner_that_repeats_an_earlier_session",
        ),
        "nothing stored but the attempt": (
            f"{HERE}/test_s01_reflection.py::test_s1_nothing_is_stored_but_the_attempt",
        ),
    },
    "S2 AuthValue recovery under CMAC, CVE-2020-26559": {
        "the attack, and what it is worth": (f"{HERE}/test_s02_auth_value_recovery.py",),
        "policy": (
            f"{CORE}/test_authentication.py::"
            "test_s2_static_oob_under_cmac_is_refused_unless_the_policy_says_so",
            f"{CORE}/test_oob.py::test_static_under_cmac_where_the_policy_says_so",
        ),
    },
    "S3 malleable commitment and guessing, CVE-2020-26556": {
        "the attack under both algorithms": (f"{HERE}/test_s03_guessing.py",),
        "device: attempts are counted": (f"{CORE}/test_attempts.py",),
        "Provisioner: attempts are counted": (f"{SERVICES}/test_tries.py",),
    },
    "S4 predictable AuthValue, CVE-2020-26557": {
        "source, range and reuse": (f"{HERE}/test_s04_randomness.py",),
        "every value is as likely": (
            f"{CORE}/test_challenge.py::test_the_whole_range_is_drawn_evenly",
        ),
        "nothing predictable reaches a real radio": (
            f"{SERVICES}/test_downgrade.py::test_predictable_randomness_never_reaches_a_real_radio",
            "roles/test_provisioner.py::test_seeded_randomness_is_for_simulated_radios",
        ),
    },
    "S5 own OOB key sent back, CVE-2023-4258": {
        "both roles, both bearers": (f"{HERE}/test_s05_own_key.py",),
        "every kind of session": (
            f"{CORE}/test_attacks.py::test_s5_the_devices_certified_key_is_refused_by_the_device",
        ),
    },
    "S6 invalid curve": {
        "both roles, both bearers, before any ECDH": (f"{HERE}/test_s06_invalid_curve.py",),
        "keys from other sources": (
            f"{CORE}/test_attacks.py::"
            "test_s6_an_invalid_key_out_of_band_is_refused_by_the_provisioner",
            "core/test_crypto.py::test_bad_public_keys_are_refused_before_any_exchange",
        ),
        "certificates": (
            f"{PKI}::test_s6_other_curves",
            f"{PKI}::test_s6_compressed_and_invalid_points",
            f"{PKI}::test_s6_explicit_parameters",
        ),
    },
    "S7 generic provisioning overflow": {
        "both roles, both bearers": (f"{HERE}/test_s07_generic_provisioning.py",),
        "the decoder": (f"{LINK}/test_generic.py::test_malformed",),
        "memory": (
            f"{LINK}/test_reassembly.py::test_s7_memory_is_bounded_and_only_whole_pdus_come_out",
            f"{LINK}/test_link_transactions.py::"
            "test_s7_a_peer_that_does_not_listen_is_not_listened_to",
        ),
    },
    "S8 any PDU in any state": {
        "both roles, both bearers": (f"{HERE}/test_s08_any_pdu_in_any_state.py",),
        "device alone, every type and value": (f"{CORE}/test_device_matrix.py",),
        "Provisioner alone, every type and value": (f"{CORE}/test_provisioner_matrix.py",),
        "only OOB": (
            f"{CORE}/test_authentication.py::test_a_device_that_accepts_only_oob",
            f"{CORE}/test_authentication.py::test_a_device_refuses_what_it_did_not_offer",
        ),
    },
    "S9 downgrade": {
        "capabilities and Start, both bearers": (f"{HERE}/test_s09_downgrade.py",),
        "as the owner sees it": (f"{SERVICES}/test_downgrade.py",),
    },
    "S12 hostile records": {
        "Provisioner, both bearers": (f"{HERE}/test_s12_records.py",),
        "every lie": (f"{CORE}/test_records.py",),
        "time": (
            f"{CORE}/test_timeouts.py::test_s12_a_device_that_drips_its_records_runs_out_of_time",
            f"{CORE}/test_timeouts.py::test_s12_all_records_share_the_time",
        ),
        "as the policy says": (
            f"{SERVICES}/test_certificates.py::test_records_that_cannot_be_are_refused",
            f"{SERVICES}/test_certificates.py::test_endless_fragments_come_to_an_end",
            f"{SERVICES}/test_commissioning.py::"
            "test_a_chain_that_was_fetched_is_not_read_over_the_air",
        ),
        "device: records after Invite, and requests for nothing": (
            f"{CORE}/test_device_matrix.py::test_records_after_invite_end_the_session",
            f"{CORE}/test_device_matrix.py::test_a_record_request_for_nothing",
        ),
    },
    "S13 certificate substitution": {
        "other device's chain": (f"{PKI}::test_s13_chain_of_another_device",),
        "other vendor's root": (f"{PKI}::test_s13_root_of_another_vendor",),
        "CA leaf": (f"{PKI}::test_s13_authority_as_device",),
        "leaf as CA": (f"{PKI}::test_s13_device_as_authority",),
        "missing keyAgreement": (f"{PKI}::test_s13_missing_key_agreement",),
        "wrong policy OID": (
            f"{PKI}::test_s13_wrong_policy",
            f"{PKI}::test_s13_missing_policy",
        ),
        "expired, not yet valid": (
            f"{PKI}::test_s13_expired_and_not_yet_valid",
            f"{PKI}::test_s13_expired_batch_and_root",
        ),
        "revoked leaf or batch": (
            "pki/test_revocation.py::test_s13_revoked_device",
            "pki/test_revocation.py::test_s13_revoked_batch",
        ),
        "unknown critical extension": (f"{PKI}::test_s13_unknown_critical_extension",),
        "path length": (f"{PKI}::test_s13_path_length",),
        "loops": (f"{PKI}::test_s13_loops_end", f"{PKI}::test_s13_mazes_end"),
        "root on the device": (
            f"{PKI}::test_s13_root_on_the_device",
            f"{PKI}::test_s13_root_with_another_signature_is_still_a_root",
        ),
        "over the air, by stable code": (
            f"{SERVICES}/test_certificates.py::test_a_bad_certificate_is_refused_by_name",
            f"{SERVICES}/test_certificates.py::test_a_chain_of_another_manufacturer_is_refused",
            f"{SERVICES}/test_certificates.py::test_a_root_on_the_device_is_refused",
        ),
    },
    "S18 strangers on the link": {
        "both bearers": (f"{HERE}/test_s18_strangers_on_the_link.py",),
        "Link Open to a provisioned device": (
            f"{SERVICES}/test_impostors.py::test_a_node_takes_no_link_any_more",
            f"{CORE}/test_device_matrix.py::test_s18_a_node_takes_no_second_session",
        ),
        "a third radio": (
            f"{CORE}/test_sessions.py::test_s18_a_third_radio_with_a_stolen_link_id_is_not_heard",
            f"{CORE}/test_sessions.py::"
            "test_s18_a_third_radio_under_the_same_address_cannot_mix_anything",
            f"{LINK}/test_link_opening.py::test_s18_a_stranger_who_knows_the_link_id_is_not_heard",
        ),
    },
    "S19 bad air": {
        "every method, both bearers": (f"{HERE}/test_s19_bad_air.py",),
        "any one packet": (f"{CORE}/test_sessions.py::test_s19_any_one_packet_may_be_lost",),
        "any interleaving": (
            f"{LINK}/test_link_faults.py::test_s19_anything_may_happen_to_packets",
            f"{CORE}/test_sessions.py::Interleavings",
        ),
        "late packets of an old link": (
            f"{LINK}/test_link_opening.py::test_s19_late_packets_of_an_old_link_change_nothing",
        ),
        "a lost Link Open": (
            f"{CORE}/test_sessions.py::test_s19_a_lost_link_open_is_sent_again_at_once",
        ),
    },
}
PROOFS = [
    (f"{row}: {part}", proof)
    for row, parts in ROWS.items()
    for part, proofs in parts.items()
    for proof in proofs
]


@cache
def names_in(page: str) -> frozenset[str]:
    """Return the tests of a page: its functions, and classes that run rules."""
    tree = ast.parse((TESTS / page).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


@pytest.mark.parametrize(("part", "proof"), PROOFS, ids=[" ".join(each) for each in PROOFS])
def test_a_row_is_proven_by_tests_that_exist(part: str, proof: str) -> None:
    page, _, name = proof.partition("::")
    assert (TESTS / page).is_file(), f"{part} has lost its page"
    tests = {each for each in names_in(page) if each.startswith("test_")}
    assert name in names_in(page) if name else len(tests) >= 3, f"{part} has lost its test"


def test_the_rows_are_those_of_this_work() -> None:
    wanted = {f"S{number}" for number in (*range(1, 10), 12, 13, 18, 19)}
    assert {row.split()[0] for row in ROWS} == wanted


def test_every_page_here_is_part_of_a_row() -> None:
    pages = {f"{HERE}/{path.name}" for path in Path(__file__).parent.glob("test_s*.py")}
    assert pages <= {proof.partition("::")[0] for _, proof in PROOFS}


def test_every_test_here_is_named_by_its_row() -> None:
    for path in Path(__file__).parent.glob("test_s*.py"):
        number = int(path.name[6:8])
        tests = [each for each in names_in(f"{HERE}/{path.name}") if each.startswith("test_")]
        assert tests
        assert [each for each in tests if not each.startswith(f"test_s{number}")] == []

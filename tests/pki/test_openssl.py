"""The openssl command line as a judge from outside; the product never calls it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.pki.forging import Site, forged_leaf, parsed, policies, usage

from meshwright.pki.profile import UUID_ASSIGNED_AND_UNIQUE

pytestmark = pytest.mark.system("openssl")
STRICT = (
    "-x509_strict", "-check_ss_sig", "-policy_check", "-explicit_policy",
    "-policy", UUID_ASSIGNED_AND_UNIQUE,
)  # fmt: skip


def judge(folder: Path, site: Site, leaf: bytes, options: Sequence[str] = STRICT) -> bool:
    files = {"root": site.root, "batch": site.batch, "leaf": leaf}
    for name, octets in files.items():
        (folder / name).write_bytes(parsed(octets).public_bytes(Encoding.PEM))
    command = ["openssl", "verify", *options, "-CAfile", "root", "-untrusted", "batch", "leaf"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0 and "leaf: OK" in done.stdout


def test_our_chain_is_valid_by_strict_rules(site: Site, tmp_path: Path) -> None:
    assert judge(tmp_path, site, site.leaf)


def test_the_judge_refuses_what_it_should(site: Site, stranger: Site, tmp_path: Path) -> None:
    assert not judge(tmp_path, site, stranger.leaf)
    wrong = forged_leaf(site).put(policies("1.2.3"), critical=True)
    assert not judge(tmp_path, site, wrong.sign())
    assert judge(tmp_path, site, forged_leaf(site).put(usage("key_agreement")).sign(), ())

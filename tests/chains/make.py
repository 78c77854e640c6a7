"""Makes the published chains anew: `python -m tests.chains.make`, from the root of the project.

Keys, names, serial numbers and times are the same every time; ECDSA signatures are not.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pki.chain_set import Chain, Maker
from tests.pki.forging import make_site

from meshwright.pki.certificate_file import to_pem

FOLDER = Path(__file__).parent


@dataclass
class Writer:
    """Writes every root and list once, however many chains use it."""

    folder: Path
    names: dict[bytes, str] = field(default_factory=dict)

    def write(self, chain: Chain) -> dict[str, Any]:
        """Write the files of a chain; return its entry of the index."""
        file = f"{chain.name}.pem"
        pem = "".join(map(to_pem, (chain.leaf, *chain.intermediates)))
        (self.folder / file).write_text(pem, encoding="ascii")
        return {
            "name": chain.name,
            "about": chain.about,
            "chain": file,
            "roots": [self.shared(item, "root", to_pem(item)) for item in chain.roots],
            "crls": [self.shared(item, "crl", crl_pem(item)) for item in chain.crls],
            "uuid": str(chain.uuid),
            "at": chain.at.isoformat(),
            "policies": list(chain.policies),
            "accepted": chain.code is None,
            "code": chain.code,
            "findings": sorted({*chain.findings, *filter(None, [chain.code])}),
        }

    def shared(self, octets: bytes, kind: str, pem: str) -> str:
        """Write what several chains may use."""
        if octets not in self.names:
            number = sum(name.startswith(kind) for name in self.names.values()) + 1
            self.names[octets] = f"{kind}-{number}.pem"
            (self.folder / self.names[octets]).write_text(pem, encoding="ascii")
        return self.names[octets]


def crl_pem(octets: bytes) -> str:
    """Write a revocation list as PEM (RFC 7468, 9)."""
    text = b64encode(octets).decode()
    lines = [text[begin : begin + 64] for begin in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN X509 CRL-----", *lines, "-----END X509 CRL-----", ""])


def make(folder: Path) -> dict[str, Any]:
    """Write all chains and their index into `folder`; return the index."""
    writer = Writer(folder)
    maker = Maker(make_site(), make_site("stranger", "Evil"))
    index = {"format": 1, "chains": [writer.write(chain) for chain in maker.all()]}
    (folder / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="ascii")
    return index


if __name__ == "__main__":
    for old in FOLDER.glob("*.pem"):
        old.unlink()
    make(FOLDER)

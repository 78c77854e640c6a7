"""Labels of devices: printed as PNG and proven readable, and read again by the owner."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from meshwright.core.errors import StoreError
from meshwright.factory.label_image import draw_label, texts_in
from meshwright.factory.label_text import LabelContent, LabelError, label_text, parse_label
from meshwright.files import PUBLIC, write_atomic

__all__ = ["LabelContent", "LabelError", "print_label", "read_label", "read_labels"]


def print_label(path: Path, base: str, uuid: UUID, *, name: str = "") -> LabelContent:
    """Write the label of a device to `path` and return what it says.

    The label counts as printed once its code was read back from the file. Raises `LabelError` for
    a base that does not fit, `StoreError` when the file cannot be written or read back.
    """
    text = label_text(base, uuid)
    try:
        write_atomic(path, draw_label(text, _title(name), str(uuid)), mode=PUBLIC)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "the file system refuses"
        raise StoreError(
            f"The label {path} cannot be written: {why}.", code="label-not-written"
        ) from None
    _prove(path, text)
    return parse_label(text)


def read_labels(path: Path) -> list[LabelContent]:
    """Return every mesh label in an image, each once.

    Raises `LabelError`: `unreadable-image`, `no-label` for an image without any code, or
    `not-a-mesh-label` when all its codes say something else.
    """
    texts = texts_in(path)
    if not texts:
        raise LabelError(
            f"{path} shows no label; take a sharper or closer picture.", code="no-label"
        )
    labels, problem = _mesh_labels(texts, f"The code in {path}")
    if problem is not None and not labels:
        raise problem
    return labels


def read_label(path: Path) -> LabelContent:
    """Return the one mesh label in an image; raises as `read_labels` and for `several-labels`."""
    labels = read_labels(path)
    if len(labels) > 1:
        raise LabelError(
            f"{path} shows {len(labels)} labels; take a picture of one.", code="several-labels"
        )
    return labels[0]


def _title(name: str) -> str:
    # The font that is always there has no letters but ASCII; an accent lost beats an empty box.
    plain = unicodedata.normalize("NFKD", " ".join(name.split())).encode("ascii", "ignore").decode()
    return "".join(char for char in plain if char.isprintable()).strip()


def _mesh_labels(texts: list[str], where: str) -> tuple[list[LabelContent], LabelError | None]:
    labels: dict[LabelContent, None] = {}
    problem = None
    for text in texts:
        try:
            labels[parse_label(text, where=where)] = None
        except LabelError as error:
            problem = error
    return list(labels), problem


def _prove(path: Path, text: str) -> None:
    try:
        found = texts_in(path)
    except LabelError:
        found = []
    if found != [text]:
        with suppress(OSError):
            path.unlink()
        raise StoreError(
            f"The label written to {path} does not read back; print it again.",
            code="label-unreadable",
        )

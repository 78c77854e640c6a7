"""Label images: codes drawn and found. Nothing else knows the barcode and image libraries."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import cast

import zxingcpp
from PIL import Image, ImageDraw, ImageFont, features

from meshwright.factory.label_text import LabelError

MODULES = 29
"""Modules on a side of a QR code of version 3."""

LARGEST_FILE = 32 << 20
LARGEST_IMAGE = 50_000_000
LONGEST_SIDE = 20_000
"""Octets of a file, pixels and side of an image that are looked at; photos are smaller."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_CODES = zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix))
_SCALE = 12  # pixels to a module: 0.5 mm at 600 dots per inch
_DPI = 600
_SMALLEST = 18  # pixels of letters that can still be read on paper
_QUIET = 4  # modules of quiet zone that a QR code needs (ISO/IEC 18004)
_WHITE, _GRAY, _BLACK = 255, 96, 0


def draw_label(text: str, title: str, line: str) -> bytes:
    """Return a PNG of the code of `text` over a title and a smaller line.

    Raises `LabelError` when the text does not fit version 3.
    """
    code = _code(text)
    side = (MODULES + 2 * _QUIET) * _SCALE
    image = Image.new("L", (side, side + (8 if title else 4) * _SCALE), _WHITE)
    image.paste(code, (_QUIET * _SCALE, _QUIET * _SCALE))
    draw = ImageDraw.Draw(image)
    _write(draw, title, (side / 2, side), 3 * _SCALE, _BLACK)
    _write(draw, line, (side / 2, image.height - 4 * _SCALE), 2 * _SCALE, _GRAY)
    octets = BytesIO()
    image.save(octets, "PNG", dpi=(_DPI, _DPI), optimize=True)
    return octets.getvalue()


def _code(text: str) -> Image.Image:
    # Segments are chosen by the library; level L is what leaves room for host and path.
    try:
        barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    except (ValueError, RuntimeError):
        raise _too_long() from None
    # The stubs do not say that this image is a buffer, one octet a module.
    modules = bytes(cast("bytes", barcode.to_image(scale=1, add_quiet_zones=False)))
    if len(modules) != MODULES**2:
        raise _too_long()
    image = Image.frombytes("L", (MODULES, MODULES), modules)
    return image.resize((MODULES * _SCALE, MODULES * _SCALE), Image.Resampling.NEAREST)


def _too_long() -> LabelError:
    return LabelError(
        "The label does not fit a QR code of version 3; "
        "use at most 20 characters of host and path.",
        code="label-too-long",
    )


def _write(
    draw: ImageDraw.ImageDraw, text: str, top: tuple[float, float], size: int, color: int
) -> None:
    """Center `text` below `top`, smaller or shortened until it fits."""
    if not features.check("freetype2"):
        return  # a label without words is still a label
    room = (MODULES + 2 * _QUIET - 2) * _SCALE
    font = ImageFont.load_default(size)
    while size > _SMALLEST and draw.textlength(text, font) > room:
        size -= 1
        font = ImageFont.load_default(size)
    while draw.textlength(text, font) > room:
        text = text.removesuffix("...")[:-1] + "..."
    draw.text(top, text, color, font, anchor="ma")


def texts_in(path: Path) -> list[str]:
    """Return the text of every QR and Data Matrix code in an image file.

    Raises `LabelError` when the file is no image that can be read.
    """
    image = _gray(_contents(path), path)
    try:
        found = zxingcpp.read_barcodes(image, formats=_CODES)
    except (ValueError, RuntimeError):
        raise _unreadable(path, "the barcode library refuses it") from None
    # A mesh label is ASCII; anything else only has to stay harmless.
    return [code.bytes.decode("ascii", "replace") for code in found]


def _contents(path: Path) -> bytes:
    try:
        if not path.is_file():  # a pipe would be waited for
            raise _unreadable(path, "there is no such file")
        with path.open("rb") as file:
            contents = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or "it cannot be opened") from None
    if len(contents) > LARGEST_FILE:
        raise _unreadable(path, f"it has more than {LARGEST_FILE >> 20} MiB")
    return contents


def _gray(contents: bytes, path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes and broken metadata; checked below
            with Image.open(BytesIO(contents), formats=_FORMATS) as image:
                _check_size(image, path)
                return _on_white(image)
    except LabelError:
        raise
    except Exception:  # noqa: BLE001 - broken files make the image library raise anything at all
        raise _unreadable(path, "it is not a whole PNG, JPEG, WebP or BMP image") from None


def _check_size(image: Image.Image, path: Path) -> None:
    # Known from the header, before any pixel is unpacked.
    if image.width * image.height > LARGEST_IMAGE or max(image.size) > LONGEST_SIDE:
        raise _unreadable(path, f"{image.width} x {image.height} pixels are too many")


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("L")
    layer = image.convert("RGBA")
    paper = Image.new("L", layer.size, _WHITE)
    paper.paste(layer.convert("L"), mask=layer.getchannel("A"))
    return paper


def _unreadable(path: Path, why: str) -> LabelError:
    return LabelError(f"{path} cannot be read as an image: {why}.", code="unreadable-image")

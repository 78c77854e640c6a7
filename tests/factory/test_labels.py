"""Labels as files: printed, read back, and everything else that an image may hold."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from uuid import UUID

import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from meshwright.core.errors import StoreError
from meshwright.factory import label_image, labels
from meshwright.factory.label_text import label_text
from meshwright.factory.labels import (
    LabelContent,
    LabelError,
    print_label,
    read_label,
    read_labels,
)

UUID_A = UUID("b09dc847-5408-40cc-9c54-0fe8c87429e7")
UUID_B = UUID("b09dc847-5408-40cc-9c54-0fe8c87429e8")
BASE = "https://abcd.example/oobs"
READ = "https://abcd.example/OOBS"


@pytest.fixture
def label(tmp_path: Path) -> Path:
    path = tmp_path / "label.png"
    print_label(path, BASE, UUID_A, name="Luminaire 3")
    return path


def code_image(path: Path, text: str | bytes, *, matrix: bool = False) -> Path:
    kinds = zxingcpp.BarcodeFormat
    code = zxingcpp.create_barcode(text, kinds.DataMatrix if matrix else kinds.QRCode)
    Image.fromarray(code.to_image(scale=4)).save(path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(LabelError) as error:
        read_label(path)
    assert str(error.value).isprintable()
    return error.value.code


def test_a_label_says_which_device_and_where(label: Path) -> None:
    assert read_label(label) == LabelContent(UUID_A, READ)
    assert [path.name for path in label.parent.iterdir()] == ["label.png"]
    assert label.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("place", ["a.example/" + "x" * 9, "a.example/" + "x" * 10, "a.de"])
def test_nineteen_characters_of_host_and_path_fit_version_3(tmp_path: Path, place: str) -> None:
    path = tmp_path / "label.png"
    print_label(path, f"https://{place}", UUID_A)
    (code,) = zxingcpp.read_barcodes(Image.open(path))
    assert code.ec_level == "L"
    assert "'Version': '3'" in str(code.extra)
    assert code.text == label_text(f"https://{place}", UUID_A)


@pytest.mark.parametrize("place", ["a.example/" + "x" * 11, "a.example/~~~~~~~~~", "a" * 9000])
def test_what_does_not_fit_version_3_is_not_printed(tmp_path: Path, place: str) -> None:
    with pytest.raises(LabelError) as error:
        print_label(tmp_path / "label.png", f"https://{place}", UUID_A)
    assert error.value.code == "label-too-long"
    assert list(tmp_path.iterdir()) == []


def test_the_code_has_a_quiet_zone_and_whole_modules(label: Path) -> None:
    image = Image.open(label)
    scale = image.width // 37
    assert image.width == 37 * scale
    dark = image.point(lambda value: 255 - value).crop((0, 0, image.width, image.width))
    assert dark.getbbox() == (4 * scale, 4 * scale, 33 * scale, 33 * scale)


@pytest.mark.parametrize(
    "name", ["", "x" * 500, "Küche\n\x1b[2J", "灯", "a\u202eb", "‥" * 9, "\ud800"]
)
def test_any_name_can_stand_on_a_label(tmp_path: Path, name: str) -> None:
    path = tmp_path / "label.png"
    print_label(path, BASE, UUID_A, name=name)
    assert read_label(path).uuid == UUID_A


def test_a_label_without_fonts_is_still_a_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "check", lambda _: False)
    print_label(tmp_path / "label.png", BASE, UUID_A, name="Luminaire 3")
    assert read_label(tmp_path / "label.png").uuid == UUID_A


def test_the_same_label_is_the_same_file(tmp_path: Path, label: Path) -> None:
    print_label(tmp_path / "again.png", BASE, UUID_A, name="Luminaire 3")
    assert (tmp_path / "again.png").read_bytes() == label.read_bytes()


def test_a_label_that_does_not_read_back_is_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = label_image.draw_label(label_text(BASE, UUID_B), "", "")
    for spoiled in (other, other[:-40], b""):
        monkeypatch.setattr(labels, "draw_label", lambda *_, octets=spoiled: octets)
        with pytest.raises(StoreError) as error:
            print_label(tmp_path / "label.png", BASE, UUID_A)
        assert error.value.code == "label-unreadable"
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["missing/label.png", "file/label.png", "nul\0.png"])
def test_a_label_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as error:
        print_label(tmp_path / place, BASE, UUID_A)
    assert error.value.code == "label-not-written"


def test_a_photo_of_a_label(tmp_path: Path, label: Path) -> None:
    photo = Image.new("RGB", (1200, 900), (150, 140, 120))
    turned = Image.open(label).convert("RGBA").rotate(17, expand=True, fillcolor=(150, 140, 120))
    photo.paste(turned, (200, 100))
    path = tmp_path / "photo.jpg"
    photo.save(path, quality=60)
    assert read_label(path) == LabelContent(UUID_A, READ)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
@pytest.mark.parametrize("matrix", [False, True])
def test_formats_and_cases(tmp_path: Path, suffix: str, matrix: bool) -> None:
    text = f"https://Mesh.example.com/oob?uuid={UUID_A}"
    path = code_image(tmp_path / f"label.{suffix}", text, matrix=matrix)
    assert read_label(path) == LabelContent(UUID_A, "https://mesh.example.com/oob")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "1", "P", "CMYK", "I;16"])
def test_image_modes(tmp_path: Path, label: Path, mode: str) -> None:
    image: Image.Image = Image.open(label)
    suffix = "jpg" if mode == "CMYK" else "png"
    if mode in ("RGBA", "LA"):  # black on nothing
        layer = Image.new(mode, image.size)
        layer.putalpha(image.point(lambda value: 255 - value))
        image = layer
    else:
        image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
        image = image.point(lambda value: value * 257) if mode == "I;16" else image
    image.save(tmp_path / f"other.{suffix}")
    assert read_label(tmp_path / f"other.{suffix}").uuid == UUID_A


def test_several_labels_in_one_image(tmp_path: Path, label: Path) -> None:
    print_label(tmp_path / "b.png", BASE, UUID_B)
    sheet = Image.new("L", (1400, 600), 255)
    for place, path in enumerate((label, tmp_path / "b.png", label)):
        sheet.paste(Image.open(path), (460 * place, 0))
    sheet.save(tmp_path / "sheet.png")
    assert {one.uuid for one in read_labels(tmp_path / "sheet.png")} == {UUID_A, UUID_B}
    assert len(read_labels(tmp_path / "sheet.png")) == 2
    assert refusal(tmp_path / "sheet.png") == "several-labels"


def test_another_code_beside_a_label_does_not_matter(tmp_path: Path, label: Path) -> None:
    code_image(tmp_path / "wifi.png", "WIFI:S:guest;;")
    sheet = Image.new("L", (900, 600), 255)
    sheet.paste(Image.open(label), (0, 0))
    sheet.paste(Image.open(tmp_path / "wifi.png"), (500, 100))
    sheet.save(tmp_path / "sheet.png")
    assert read_label(tmp_path / "sheet.png").uuid == UUID_A


def test_no_code_at_all(tmp_path: Path) -> None:
    Image.new("L", (300, 300), 255).save(tmp_path / "empty.png")
    assert refusal(tmp_path / "empty.png") == "no-label"


@pytest.mark.parametrize(
    "content",
    [
        "WIFI:S:guest;T:WPA;P:secret;;",
        f"http://mesh.example.com?uuid={UUID_A}",
        f"{BASE}?uuid={UUID_A}&uuid={UUID_B}",
        "https://x?uuid='; DROP TABLE assets; --",
        "\x1b]0;owned\x07\x1b[2J",
        "https://example.com/\u202e\u0000?uuid=x",
        bytes(range(256)),
        "A" * 2000,
    ],
)
@pytest.mark.parametrize("matrix", [False, True])
def test_hostile_codes(tmp_path: Path, content: str | bytes, matrix: bool) -> None:
    if matrix and len(content) > 1000:
        content = content[:1000]
    assert refusal(code_image(tmp_path / "code.png", content, matrix=matrix)) == "not-a-mesh-label"


@pytest.mark.parametrize("contents", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"BM" + bytes(60)])
def test_not_an_image(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "not.png"
    path.write_bytes(contents)
    assert refusal(path) == "unreadable-image"


def test_what_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing.png", "pipe", "."):
        assert refusal(tmp_path / name) == "unreadable-image"
    with pytest.raises(LabelError):
        read_label(tmp_path / "nul\0.png")


def test_a_file_that_may_not_be_read(label: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(LabelError, match="Permission denied") as error:
        read_label(label)
    assert error.value.code == "unreadable-image"


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
def test_truncated_images(tmp_path: Path, label: Path, suffix: str) -> None:
    whole = tmp_path / f"whole.{suffix}"
    Image.open(label).convert("RGB").save(whole)
    octets, path = whole.read_bytes(), tmp_path / "cut"
    for size in range(0, len(octets) * 3 // 4, len(octets) // 40):
        path.write_bytes(octets[:size])
        assert refusal(path) == "unreadable-image"


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(8000, 8000), (12_000, 12_000), (60_000, 60_000), (1, 65_536)]
)
def test_decompression_bombs_are_not_unpacked(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    assert refusal(path) == "unreadable-image"


def test_what_the_barcode_library_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_image, "LONGEST_SIDE", 100_000)
    Image.new("L", (1, 70_000)).save(tmp_path / "long.png")
    assert refusal(tmp_path / "long.png") == "unreadable-image"


def test_a_file_that_is_too_large(tmp_path: Path, label: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(label.read_bytes())
    os.truncate(path, label_image.LARGEST_FILE + 1)
    assert refusal(path) == "unreadable-image"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 3500), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_files_end_in_a_label_or_an_error(
    label: Path, changes: list[tuple[int, int]]
) -> None:
    octets = bytearray(label.read_bytes())
    for position, value in changes:
        octets[position % len(octets)] = value
    damaged = label.with_name("damaged.png")
    damaged.write_bytes(octets)
    assert outcome(damaged) in {
        LabelContent(UUID_A, READ),
        "unreadable-image",
        "no-label",
        "not-a-mesh-label",
    }


def outcome(path: Path) -> LabelContent | str:
    try:
        return read_label(path)
    except LabelError as error:
        return error.code

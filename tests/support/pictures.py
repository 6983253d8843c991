"""Pictures as a corpus holds them."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


def png(pixels):
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()

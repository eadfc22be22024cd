"""The typeface for words on pictures; it has the letters of most European languages."""

from functools import cache
from pathlib import Path

from PIL import ImageFont


@cache
def font(size: float) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib, so many pixels high."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)

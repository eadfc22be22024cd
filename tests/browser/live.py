"""A folder of pages with the live widgets of lesson 1 and no Python: one a widget, as the web site
has them."""

import json
import shutil
from pathlib import Path

from course_utils import widgets
from course_utils.photos import SAMPLES
from course_utils.widgets.lab_color import SCRIPTS, STYLE, square_jpeg, without_python

MOUNT = Path(__file__).resolve().parent.parent.parent / "site" / "static" / "mount.js"
NAMES = ("AbPlane", "PhotoChannels", "TwoPhotos", "ColorResolution")
PAGE = """<!doctype html>
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="lab_color.css">
<div class="live-widget"><script type="application/json">{}</script></div>
<script type="module" src="mount.js"></script>
"""


def write_pages(folder: Path) -> None:
    for file in (*SCRIPTS, STYLE, MOUNT):
        shutil.copy(file, folder)
    (folder / "photos").mkdir()
    for name in SAMPLES:
        (folder / "photos" / f"{name}.jpg").write_bytes(square_jpeg(name))
    for name in NAMES:
        widget = getattr(widgets, name)()
        (folder / f"{name}.html").write_text(
            PAGE.format(json.dumps(without_python(widget.get_state())))
        )

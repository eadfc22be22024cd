"""The web site: the lessons with their committed outputs, and the package's API.

    sphinx-build -W -c site . build/site

Sphinx reads the whole repository, so that README and lessons are pages as they stand, and the
links between them lead from page to page. No lesson is executed. The widgets of lesson 1 are drawn
by the browser, and move here too, see static/mount.js; of the others the last picture is shown. The
front page is templates/front.html; what it colors photos with, `in_browser` makes and fetches.
"""

import json
import re
import sys
import tomllib
from html import unescape
from pathlib import Path

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).parent))
import in_browser

from course_utils.photos import SAMPLES
from course_utils.widgets import lab_color

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
URLS = PROJECT["urls"]

project, version = "The colorization course", PROJECT["version"]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["*.md", "notebooks/*.ipynb", "site/**"]
exclude_patterns = [".*", "build", "runs", "data", "course_utils", "site/templates", "site/static"]
templates_path = [str(ROOT / "site" / "templates")]  # autosummary looks for it from the root

# The toctree stands here and not in README.md, where GitHub would show it.
PAGES = """
```{toctree}
:hidden:
:caption: Lessons
:glob:
notebooks/*
```

```{toctree}
:hidden:
:caption: The project
site/api
CONTRIBUTING
LICENSE-text
```
"""

nb_execution_mode = "off"
nb_code_prompt_show = nb_code_prompt_hide = "Set-up"
highlight_language = "none"  # commands; the code of lessons and answers says that it is Python
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"

default_role = "literal"  # docstrings write `code` as Markdown does
autodoc_default_options = {"members": True, "member-order": "bysource"}
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 80

# The rows of the README's table: | [0 · Start here](notebooks/00_start_here.ipynb) | ... | 10 min |
LESSON = r"\| \[(\d) · (.+?)\]\((.+?)\.ipynb\) \| (.+?) \| (\d+ min) \|"

html_theme = "pydata_sphinx_theme"
html_title = project
html_baseurl = URLS["Documentation"]
html_copy_source = False
html_static_path = ["static", *map(str, lab_color.SCRIPTS), str(lab_color.STYLE)]
html_css_files = ["course.css", lab_color.STYLE.name]
html_js_files = [("mount.js", {"type": "module"})]
html_favicon = "static/favicon.svg"
html_sidebars = {"**": ["lessons.html"], "index": []}
html_additional_pages = {"index": "front.html"}
html_context = {
    "lessons": re.findall(LESSON, (ROOT / "README.md").read_text(encoding="utf-8")),
    "samples": in_browser.SAMPLES,
    "first": (first := next(iter(in_browser.SAMPLES))),
    "first_size": in_browser.sample(first).size,
    "temperature": in_browser.temperature(),
    "default_mode": "auto",  # day or night as the visitor's machine has it
    "repository": URLS["Repository"],
}
html_theme_options = {
    "navbar_start": ["home.html"],
    "github_url": URLS["Repository"],
    "navbar_center": [],  # the side bar lists everything
    "secondary_sidebar_items": ["page-toc"],
}

WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
LIVE = """<div class="live-widget">
<script type="application/json">{}</script>
<noscript>This picture needs JavaScript.</noscript>
</div>"""
STILL = "<p><em>Here it stands still. It moves in JupyterLab and on Colab.</em></p>"


def prepare(app: Sphinx, name: str, source: list[str]) -> None:
    """What a page needs before it is read."""
    if name == root_doc:
        source[0] += PAGES
    if name.startswith("notebooks/"):
        notebook = json.loads(source[0])
        state = notebook["metadata"].pop("widgets", {}).get(STATE, {}).get("state", {})
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                if "set-up" in (tags := cell["metadata"].get("tags", [])):
                    tags.append("hide-cell")  # a reader installs nothing
                cell["outputs"] = [new for old in cell["outputs"] for new in for_page(old, state)]
                alts = [each["metadata"]["image/png"]["alt"] for each in pictures(cell["outputs"])]
                if alts:
                    cell["metadata"]["mystnb"] = {"image": {"alt": " ".join(dict.fromkeys(alts))}}
        source[0] = json.dumps(notebook)


def pictures(outputs: list[dict]) -> list[dict]:
    return [each for each in outputs if "image/png" in each.get("data", {})]


def for_page(output: dict, state: dict) -> list[dict]:
    """What is shown of a widget: one that the browser draws, as it was when it was saved; of one
    that moves only where Python runs, its last picture and its words."""
    if WIDGET not in output.get("data", {}):
        return [output]
    if (model := output["data"][WIDGET]["model_id"]) not in state:
        raise ValueError("a widget without its state; execute the lesson as CONTRIBUTING.md says")
    if state[model]["model_module"] == "anywidget":
        values = json.dumps(lab_color.without_python(state[model]["state"]))
        html = LIVE.format(values.replace("<", "\\u003c"))
        return [{"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}]
    children = state[model]["state"]["children"]
    parts = [state[child.removeprefix("IPY_MODEL_")] for child in children]
    words = "".join(part["state"]["value"] for part in parts if part["model_name"] == "HTMLModel")
    alt = {"image/png": {"alt": unescape(re.sub("<.*?>", "", words))}}
    shown = [
        ({"image/png": part["buffers"][0]["data"]}, alt)
        for part in parts
        if part["model_name"] == "ImageModel"
    ]
    shown.append(({"text/markdown": words + STILL}, {}))
    return [
        {"output_type": "display_data", "data": data, "metadata": metadata}
        for data, metadata in shown
    ]


def mathml(formula: nodes.math | nodes.math_block) -> str:
    try:
        return tex2mathml(formula.astext(), as_block=isinstance(formula, nodes.math_block))
    except MathError as error:
        logging.getLogger(__name__).warning("formula: %s", error, location=formula)
        return ""


def inline_math(self: nodes.NodeVisitor, node: nodes.math) -> None:
    self.body.append(mathml(node))
    raise nodes.SkipNode


def displayed_math(self: nodes.NodeVisitor, node: nodes.math_block) -> None:
    self.body.append(f'<div class="formula">{mathml(node)}</div>')
    raise nodes.SkipNode


def equip_pages(app: Sphinx, error: Exception | None) -> None:
    """Write what the scripts of the pages fetch."""
    if error:
        return
    in_browser.build(Path(app.outdir, "_static", "in_browser"))
    photos = Path(app.outdir, "_static", "photos")
    photos.mkdir(exist_ok=True)
    for name in SAMPLES:
        (photos / f"{name}.jpg").write_bytes(lab_color.square_jpeg(name))


def setup(app: Sphinx) -> None:
    # MathML needs neither JavaScript nor a network, and every browser draws it since 2023.
    app.add_html_math_renderer("mathml", (inline_math, None), (displayed_math, None))
    app.connect("source-read", prepare)
    app.connect("build-finished", equip_pages)

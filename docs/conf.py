"""Build the pages: python -m sphinx -W --keep-going -b html docs docs/_build/html."""

import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent

# The cells run the package of this checkout and the commands of this environment.
sys.path[:0] = [str(ROOT), str(DOCS / "_ext")]
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])

project = "symadamax"
author = "The symadamax developers"
project_copyright = author
release = version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[1]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx.ext.viewcode",
    "mathml",
    "complete",
    "listings",
    "play",
    "book",
    "gallery",
    "contents",
    "pages",
]
exclude_patterns = ["_build", "**/jupyter_execute"]

# Every output on a page is made when the page is built, and a cell that fails breaks the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_render_markdown_format = "myst"
nb_code_prompt_show = "How it is drawn"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say the types
numpydoc_show_class_members = False  # each page names its members
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = "symadamax"
html_theme_options = {"light_css_variables": {"color-code-background": "#f4f5f6"}}
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"

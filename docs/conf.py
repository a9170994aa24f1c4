"""Sphinx: sphinx-build -W -b html docs docs/_build/html."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import tables

from ginga_bkgplugin import __version__

project = "ginga-bkgplugin"
author = "The ginga-bkgplugin developers"
copyright = "The ginga-bkgplugin developers, BSD-3-Clause"
version = release = __version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
myst_enable_extensions = ["deflist"]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
default_role = "py:obj"

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say it in words
numpydoc_show_class_members = False
numpydoc_attributes_as_param_list = True

html_theme = "pydata_sphinx_theme"
html_theme_options = {"navigation_depth": 2, "show_toc_level": 2}
html_show_sourcelink = False


def setup(app):
    app.connect("source-read", _fill_tables)


def _fill_tables(app, docname, source):
    source[0] = tables.fill(source[0])

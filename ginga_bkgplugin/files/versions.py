"""Versions of packages; alone, as who only asks for one need not load numpy."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version


@functools.cache
def package_version(name: str = "ginga-bkgplugin") -> str:
    """Version of an installed package, ``unknown`` where it runs from a bare folder."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"

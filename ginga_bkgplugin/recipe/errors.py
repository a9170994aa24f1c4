"""Everything this package raises on purpose, so that a caller knows what to catch.

::

    BackgroundPluginError
    ├── ParameterError (ValueError)     a parameter or recipe is wrong
    ├── ImageError (ValueError)         the image cannot be used
    │   └── NoWCSError                  sky coordinates, but the image has no WCS
    ├── DetectionError (RuntimeError)   SEP could not extract sources
    ├── SkyFitError (RuntimeError)      no sky left to measure
    ├── ProductError (OSError)          a file could not be read or written
    │   └── ProductExistsError          it exists and overwriting was not asked for
    └── WorkerError (RuntimeError)      the computing process died

Every message says what was wrong, where, and what to do.
"""

from __future__ import annotations


class BackgroundPluginError(Exception):
    """Root of the tree: catch this to catch everything the package raises on purpose."""


class ParameterError(BackgroundPluginError, ValueError):
    """A parameter, region or recipe has a value that cannot be used."""


class ImageError(BackgroundPluginError, ValueError):
    """The file or array is not an image whose sky can be estimated."""


class NoWCSError(ImageError):
    """Sky coordinates were given for an image without a celestial WCS."""


class DetectionError(BackgroundPluginError, RuntimeError):
    """SEP could not extract sources."""


class SkyFitError(BackgroundPluginError, RuntimeError):
    """Too little free sky is left to estimate a background."""


class ProductError(BackgroundPluginError, OSError):
    """A product could not be read or written."""


class ProductExistsError(ProductError, FileExistsError):
    """The product is already on disk and `overwrite` was not asked for."""


class WorkerError(BackgroundPluginError, RuntimeError):
    """The process that does the computing ended without an answer."""

from __future__ import annotations

import pytest

from ginga_bkgplugin.recipe import errors


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ParameterError, ValueError),
        (errors.ImageError, ValueError),
        (errors.NoWCSError, errors.ImageError),
        (errors.DetectionError, RuntimeError),
        (errors.SkyFitError, RuntimeError),
        (errors.ProductError, OSError),
        (errors.ProductExistsError, FileExistsError),
        (errors.WorkerError, RuntimeError),
    ],
)
def test_an_error_is_the_packages_and_the_builtin_one_expects(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, errors.BackgroundPluginError)
    assert issubclass(error, builtin)

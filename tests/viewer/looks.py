"""Looking at pixels of the window; a key typed over it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion

from tests.viewer.desk import Desk


def press(desk: Desk, key: str) -> None:
    """Type a key over the image; a capital is typed as one."""
    from qtpy.QtTest import QTest

    QTest.keyClicks(desk.view.get_widget(), key)
    desk.viewer.pump()


def window(desk: Desk) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Image row and column of each pixel of the window, to one pixel; where it is no edge."""
    ny, nx = desk.session.frame.data.shape
    width, height = desk.view.get_window_size()
    column, row = np.meshgrid(np.arange(width), np.arange(height))

    def at(dx: float, dy: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        x, y = desk.view.get_data_xy(column.ravel() + dx, row.ravel() + dy)
        return tuple(  # type: ignore[return-value]
            np.floor(np.asarray(each) + 0.5).astype(int).reshape(height, width) for each in (y, x)
        )

    y, x = at(0, 0)
    sure = (x >= 3) & (x < nx - 3) & (y >= 3) & (y < ny - 3)
    y, x = np.clip(y, 0, ny - 1), np.clip(x, 0, nx - 1)
    return y, x, sure & all_finite(desk)[y, x]


def all_finite(desk: Desk) -> npt.NDArray[np.bool_]:
    """Pixels of the image that are numbers, and so are their neighbours."""
    return binary_erosion(np.isfinite(desk.session.frame.data), np.ones((5, 5)), border_value=1)

"""The pixels of one box of the mesh, for its histogram."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ginga_bkgplugin.sky.binning import Layers, masked_rows
from ginga_bkgplugin.sky.inspection import Box
from ginga_bkgplugin.sky.maps import Nodes
from ginga_bkgplugin.sky.pixels import FloatImage, check_image


@dataclasses.dataclass(frozen=True, eq=False)
class BoxSample:
    """The pixels of one box as they are in the image, all rows: for its histogram.

    Attributes
    ----------
    free, masked : ndarray of float32
        Values of the pixels the fit may use, and of the finite others.
    """

    free: FloatImage
    masked: FloatImage

    def histogram(self, bins: int = 50) -> tuple[Nodes, Nodes, Nodes]:
        """Edges, free counts, masked counts, over the free pixels' 0.5 to 99.5 % and some more."""
        values = self.free if self.free.size else self.masked
        if not values.size:
            return np.linspace(0, 1, bins + 1), np.zeros(bins), np.zeros(bins)
        low, high = np.quantile(values.astype(np.float64), (0.005, 0.995))
        margin = (high - low) / 4 or max(abs(low), 1.0) * 1e-6
        edges = np.linspace(low - margin, high + margin, bins + 1)
        free, masked = (
            np.histogram(part, edges)[0].astype(float) for part in (self.free, self.masked)
        )
        return edges, free, masked


def box_sample(data: Any, layers: Layers, box: Box) -> BoxSample:
    """The pixels of one box of an image; see `BoxReport.at`."""
    image = check_image(data)
    window = slice(box.bottom, box.top), slice(box.left, box.right)
    values = np.asarray(image[window], np.float32)
    free = masked_rows(layers, box.bottom, box.top)[:, window[1]] == 0
    finite = np.isfinite(values)
    return BoxSample(values[free & finite], values[~free & finite])

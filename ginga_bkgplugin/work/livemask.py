"""The mask as it stands now: what the last run found, with the layers as edited since."""

from __future__ import annotations

from collections.abc import Sequence

from ginga_bkgplugin.recipe.region import PixelRegion, common_ends
from ginga_bkgplugin.sky.layers import compose, draw_over
from ginga_bkgplugin.sky.pixels import BoolImage, MaskBit, MaskImage
from ginga_bkgplugin.sky.raster import Drawn, draw, update
from ginga_bkgplugin.sky.spans import Window


class LiveMask:
    """A mask made anew only where regions changed: a brush stroke costs its surroundings."""

    def __init__(self) -> None:
        self.drops()

    def drops(self) -> None:
        """Free the memory."""
        self.changes = 0  # of the mask in place
        self._regions: tuple[PixelRegion, ...] = ()
        self._drawn: Drawn | None = None
        self._mask: MaskImage | None = None
        self._layers: tuple[MaskImage | None, BoolImage | None, bool] = (None, None, True)
        self._invalid: MaskImage | None = None

    def drawn(self, shape: tuple[int, int], regions: Sequence[PixelRegion]) -> Drawn:
        """What regions do to each pixel; only what changed since last time is drawn anew."""
        self._draw(shape, tuple(regions))
        assert self._drawn is not None
        return self._drawn

    def _draw(self, shape: tuple[int, int], regions: tuple[PixelRegion, ...]) -> None:
        before, self._regions = self._regions, regions
        if self._drawn is None or self._drawn.shape != shape:
            self._drawn, self._mask = draw(shape, regions), None
            return
        windows = update(self._drawn, before, regions)
        if self._mask is None or not windows:
            return
        # who asks for the plane alone must not make the mask stale
        new = regions[len(before) :]
        if len(new) == len(windows) == 1 and common_ends(before, regions)[0] == len(before):
            draw_over(self._mask, new[0], windows[0])  # a long stroke: less than its rectangle
            self.changes += 1
        else:
            self._renew(windows)

    def _renew(self, windows: list[Window]) -> None:
        assert self._drawn is not None and self._mask is not None
        _, imported, _ = self._layers
        for window in windows:
            part = compose(self._drawn, self._automatic, imported, window)
            self._mask[window.slices] = part
            self.changes += 1

    @property
    def _automatic(self) -> MaskImage | None:
        found, _, automatic = self._layers
        return found if automatic else self._invalid

    def of(
        self,
        shape: tuple[int, int],
        regions: Sequence[PixelRegion],
        found: MaskImage | None,
        imported: BoolImage | None,
        automatic: bool,
    ) -> MaskImage:
        """The mask of all layers.

        Parameters
        ----------
        shape : tuple of int
            (ny, nx) of the image.
        regions : sequence of PixelRegion
            In their order.
        found : ndarray of uint8 or None
            The mask of the last run.
        imported : ndarray of bool or None
            Of files.
        automatic : bool
            Whether the sources in `found` count; its invalid pixels always do.

        Returns
        -------
        ndarray of uint8, shape (ny, nx)
            The same array as long as the layers are the same, changed in place.
        """
        self._draw(shape, tuple(regions))
        layers = (found, imported, automatic)
        same = layers[0] is self._layers[0] and layers[1] is self._layers[1]
        if self._mask is None or not same or automatic != self._layers[2]:
            self._layers, self._invalid = layers, None
            if found is not None and not automatic:
                self._invalid = found & found.dtype.type(MaskBit.INVALID)
            assert self._drawn is not None
            self._mask = compose(self._drawn, self._automatic, imported)
        return self._mask

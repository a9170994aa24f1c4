"""The friendly Python door: an image that knows the reference system's words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from astropy.io.fits import Header

from ginga_bkgplugin.files.frames import HDU, Frame, Plane, celestial_wcs, read_frame
from ginga_bkgplugin.files.identity import checksum
from ginga_bkgplugin.files.maskfile import read_masks
from ginga_bkgplugin.files.names import RECIPE, USUAL, find_products
from ginga_bkgplugin.files.products import Background, Mask, Product
from ginga_bkgplugin.files.writing import ascii_text, product_header
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError
from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    InvalidParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.background import fit_background
from ginga_bkgplugin.sky.masking import iterate_source_mask, mask_invalid
from ginga_bkgplugin.sky.pixels import MaskBit, check_image
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.steps import Pass
from ginga_bkgplugin.work.pipeline import Result, finish, run_frame
from ginga_bkgplugin.work.saving import (
    BIT_CARDS,
    MASK_CARDS,
    background_type,
    make_product,
    save_products,
)
from ginga_bkgplugin.work.subtracting import restore, subtract

if TYPE_CHECKING:
    from astropy.wcs import WCS

SKY_UNITS = ("deg", "coord")


class ScienceImage:
    """One image: its masks, its sky, its products.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        Pixels of any real type. They are never changed.
    header : astropy.io.fits.Header, optional
        For WCS, saturation level and the products' headers. Never changed.

    Attributes
    ----------
    sourcemask, invalidmask : Mask or None
        The last ones calculated; else those saved beside the image.
    bkgmap, bkgrms : Background or None
        Likewise.

    Examples
    --------
    >>> from ginga_bkgplugin.sky.simulate import sample_field
    >>> image = ScienceImage(sample_field().data)
    >>> invalid = image.calculate_invalidmask()
    >>> mask = image.calculate_circularmask(744, 584, 225, unit="pixel")
    >>> mask = image.calculate_sourcemask(target_srcmask=mask, target_ivpmask=invalid)
    >>> sky = image.calculate_bkg(target_srcmask=mask, target_ivpmask=invalid)
    >>> bool(994 < sky.value < 998)
    True
    """

    def __init__(self, data: npt.ArrayLike, header: Header | None = None) -> None:
        header = Header() if header is None else header.copy()
        self.frame = Frame(check_image(data), header=header, wcs=celestial_wcs(header))
        self._products: dict[str, Product] = {}

    @classmethod
    def read(
        cls, path: str | Path, hdu: HDU | str | None = None, plane: Plane | int | None = None
    ) -> ScienceImage:
        """Read an image from a FITS file; see `read_frame`."""
        image = cls.__new__(cls)
        image.frame = read_frame(path, hdu, plane)
        image._products = {}
        return image

    @property
    def data(self) -> npt.NDArray[Any]:
        """The pixels, as stored."""
        return self.frame.data

    @property
    def header(self) -> Header:
        """A copy of the image's header."""
        return self.frame.header.copy()

    @property
    def wcs(self) -> WCS | None:
        """The celestial WCS, or None."""
        return self.frame.wcs

    @property
    def sourcemask(self) -> Mask | None:
        """The last source mask, or the saved one."""
        product: Mask | None = self._linked("srcmask", Mask)
        return product

    @property
    def invalidmask(self) -> Mask | None:
        """The last invalid mask, or the saved one."""
        product: Mask | None = self._linked("invalidmask", Mask)
        return product

    @property
    def bkgmap(self) -> Background | None:
        """The last background, or the saved one."""
        product: Background | None = self._linked("bkgmap", Background)
        if product is not None and product.rms is None:
            product.rms = self.bkgrms
        return product

    @property
    def bkgrms(self) -> Background | None:
        """The last background rms, or the saved one."""
        product: Background | None = self._linked("bkgrms", Background)
        return product

    def _linked(self, kind: str, form: Any) -> Any:
        if kind not in self._products:
            path = find_products(self.frame).get(kind)
            if path is not None:
                self._products[kind] = form.read(path, self.frame)
        return self._products.get(kind)

    def calculate_invalidmask(
        self, threshold_invalid_connection: int = 100_000, *, use_dq: bool = False
    ) -> Mask:
        """Mask pixels without a measurement; see `mask_invalid`."""
        parameters = InvalidParameters(
            threshold_invalid_connection=threshold_invalid_connection, use_dq=use_dq
        )
        invalid = mask_invalid(self.data, parameters, dq=self.frame.dq)
        return self._mask("invalidmask", invalid.astype(np.uint8), parameters.cards(), 0)

    def calculate_circularmask(
        self,
        x_position: float,
        y_position: float,
        radius_arcsec: float,
        unit: str = "coord",
        *,
        target_srcmask: Mask | npt.ArrayLike | None = None,
    ) -> Mask:
        """Mask a circle drawn by hand, joined to an earlier mask.

        Parameters
        ----------
        x_position, y_position : float
            RA and Dec in degrees (ICRS), or 0-based pixels with ``unit="pixel"``.
        radius_arcsec : float
            Radius in arcseconds, or in pixels with ``unit="pixel"``.
        unit : {"coord", "deg", "pixel"}
            What the numbers above are.
        target_srcmask : Mask or array_like, optional
            The mask to join; it is not changed.
        """
        region: Region
        if unit in SKY_UNITS:
            region = SkyCircle(x_position, y_position, radius_arcsec)
        elif unit == "pixel":
            region = PixelCircle(x_position, y_position, radius_arcsec)
        else:
            raise ParameterError(f"unit must be 'coord', 'deg' or 'pixel', not {unit!r}.")
        bits = self._bits(target_srcmask)
        bits[mask_regions(bits.shape, [region], self.wcs)] |= np.uint8(MaskBit.REGION)
        return self._mask("srcmask", bits, [], _attempts(target_srcmask))

    def calculate_sourcemask(
        self,
        sigma: float = 5.0,
        mask_radius_factor: float = 3.0,
        saturation_level: float | None = 50_000.0,
        *,
        target_srcmask: Mask | npt.ArrayLike | None = None,
        target_ivpmask: Mask | npt.ArrayLike | None = None,
        passes: int = 1,
    ) -> Mask:
        """Mask sources, joined to an earlier mask; hand the mask back in for another pass.

        Parameters
        ----------
        sigma, mask_radius_factor, saturation_level
            See `SourceMaskParameters`; None takes the header's saturation level.
        target_srcmask, target_ivpmask : Mask or array_like, optional
            Masks to start from: left out of the sky fit, the invalid one of detection too.
        passes : int
            Rounds of detect, grow, re-fit, at most.
        """
        parameters = SourceMaskParameters(
            sigma=sigma, mask_radius_factor=mask_radius_factor,
            saturation_level=saturation_level, passes=passes,
        )  # fmt: skip
        bits = self._bits(target_srcmask, target_ivpmask)
        made = 0
        for step in iterate_source_mask(
            self.data, bits, parameters, saturation_level=self.frame.saturation_level
        ):
            if isinstance(step, Pass):
                bits = step.mask
                made += step.row is not None
        attempts = _attempts(target_srcmask) + made
        return self._mask("srcmask", bits, parameters.cards(), attempts)

    def calculate_bkg(
        self,
        is_2D_bkg: bool = True,  # noqa: N803 - the reference system's word
        box_size: int = 64,
        filter_size: int = 3,
        *,
        model: str = "mesh",
        fill: str = "nearest",
        target_srcmask: Mask | npt.ArrayLike | None = None,
        target_ivpmask: Mask | npt.ArrayLike | None = None,
    ) -> Background:
        """Fit the background outside the masks; its noise map is ``.rms`` of the answer.

        `model` and `fill` are ours, see `BackgroundParameters`; without them the maps are SEP's.
        See `fit_background`, also for what it refuses.
        """
        parameters = BackgroundParameters(
            method="sep",
            is_2d=is_2D_bkg,
            model=model,
            fill=fill,
            box_size=box_size,
            filter_size=filter_size,
        )
        bits = self._bits(target_srcmask, target_ivpmask)
        fit = fit_background(self.data, parameters, mask=bits)
        cards = [
            *parameters.cards(),
            ("MASKSUM", checksum(bits), "checksum of the whole mask"),
            ("BKGTYPE", background_type(parameters), "method and model"),
            ("BKGVALU", fit.globalback, "global background [image units]"),
            ("BKGSIG", fit.globalrms, "global background rms [image units]"),
        ]
        maps = {}
        for kind, data in (("bkgmap", fit.level), ("bkgrms", fit.rms)):
            header = product_header(self.frame, kind, cards)
            maps[kind] = Background(data, kind=kind, header=header, frame=self.frame)
        self._products.update(maps)
        maps["bkgmap"].rms = maps["bkgrms"]
        return maps["bkgmap"]

    def subtract_background(
        self, target_bkg: Background | None = None, *, force: bool = False
    ) -> Product:
        """The image minus a background, as a product; the image stays as it is.

        An image that says it is subtracted (BKGSUB) is refused without `force` (ProductError).
        """
        background = self._background(target_bkg)
        cards: Any = [("BKGVALU", background.value, "global background [image units]")]
        if background.path is not None:
            cards.append(("BKGPATH", ascii_text(background.path.name), "what was subtracted"))
        return subtract(self.frame, background.data, cards, force=force)

    def restore_background(
        self, product: Product | None = None, target_bkg: Background | None = None
    ) -> ScienceImage:
        """The image before its background was subtracted, in memory: `product`, or this one.

        What was not subtracted by us, or with another background, is refused (ProductError).
        """
        frame, extensions = self.frame, None
        if product is not None:
            frame, extensions = Frame(product.data, header=product.header), product.extensions
        restored = restore(frame, self._background(target_bkg).data, extensions)
        return ScienceImage(restored.data, restored.header)

    def _background(self, given: Background | None) -> Background:
        if given is None and self.bkgmap is None:
            raise ProductError("No background yet: calculate_bkg() first.")
        return given or self.bkgmap  # type: ignore[return-value]

    def run(self, recipe: Recipe, files: Iterable[str | Path] = ()) -> Result:
        """Run a whole recipe; the linked products are its.

        Parameters
        ----------
        recipe : Recipe
            Regions, masks, parameters.
        files : iterable of path
            The masks you name for the recipe's masks from files; see `read_masks`.
        """
        imported = read_masks(recipe.masks, self.frame, files)
        result = finish(run_frame(self.frame, recipe, imported))
        for kind in ("srcmask", "invalidmask", "bkgmap", "bkgrms"):
            self._products[kind] = make_product(self.frame, result, kind)
        return result

    def save(self, result: Result, kinds: Any = (*USUAL, RECIPE), **where: Any) -> list[Path]:
        """Write products of a result; see `save_products` for the keywords."""
        return save_products(self.frame, result, kinds, **where)

    def _bits(self, *masks: Mask | npt.ArrayLike | None) -> npt.NDArray[np.uint8]:
        """Masks joined into one new uint8 plane; plain arrays count as sources, then invalid."""
        bits = np.zeros(self.data.shape, dtype=np.uint8)
        for mask, meaning in zip(masks, (MaskBit.SOURCE, MaskBit.INVALID), strict=False):
            if mask is None:
                continue
            values = mask.data if isinstance(mask, Mask) else np.asarray(mask)
            if values.shape != bits.shape:
                raise ParameterError(
                    f"The mask has shape {values.shape}, the image {bits.shape}: they must agree."
                )
            if isinstance(mask, Mask) and mask.kind == "srcmask":
                bits |= values
            else:
                bits[values != 0] |= np.uint8(meaning)
        return bits

    def _mask(self, kind: str, data: npt.NDArray[Any], cards: list[Any], attempts: int) -> Mask:
        own = [
            *cards,
            ("MASKTYPE", kind.removesuffix("mask"), "kind of mask"),
            ("MASKATMP", attempts, "passes of source detection made"),
            *MASK_CARDS,
            *(BIT_CARDS if kind == "srcmask" else []),
        ]
        header = product_header(self.frame, kind, own)
        mask = Mask(data, kind=kind, header=header, frame=self.frame)
        self._products[kind] = mask
        return mask


def _attempts(mask: Any) -> int:
    return mask.attempts if isinstance(mask, Mask) else 0

"""The parameters: rule, default, unit, help and FITS card stand beside each field, once.

The panel's widgets, the command line's options, the checks on recipe files, the header
cards and the table in the docs are all derived from these fields. Names that exist in
ezphot are ezphot's.
"""

from __future__ import annotations

import dataclasses

from ginga_bkgplugin.recipe.rules import Parameters, parameter


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvalidParameters(Parameters):
    """Which pixels hold no measurement at all. NaN and inf always count."""

    threshold_invalid_connection: int = parameter(
        100_000,
        "Connected areas of exact zeros larger than this are invalid, such as the empty"
        " border of a mosaic.",
        label="Zero area above",
        card="MASKZERO",
        unit="px",
        low=0,
        high=10**9,
        step=1000,
    )
    use_dq: bool = parameter(
        False,
        "Pixels whose data quality (the DQ extension beside SCI) is not 0 are invalid.",
        label="DQ ≠ 0 is invalid",
        card="MASKDQ",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceMaskParameters(Parameters):
    """How sources are found by SEP on image - background, and how far they are masked."""

    sigma: float = parameter(
        5.0,
        "Detection threshold above the background, in units of its rms, after SEP's 3x3"
        " smoothing.",
        label="Sigma",
        card="MASKSIG",
        unit="rms",
        low=0.1,
        high=10_000,
        step=0.5,
    )
    mask_radius_factor: float = parameter(
        3.0,
        "A source of A pixels is masked by a disc of this times sqrt(A/pi), and by its own"
        " pixels. 0 masks its pixels only.",
        label="Mask radius factor",
        card="MASKRADF",
        low=0.0,
        high=50.0,
        step=0.5,
    )
    saturation_level: float | None = parameter(
        None,
        "A source with a pixel at or above this value is saturated and its disc grows."
        " Empty: the level the header states, if any.",
        label="Saturation level",
        card="MASKSAT",
        unit="image units",
    )
    saturation_radius_factor: float = parameter(
        2.0,
        "The disc of a saturated source is larger by this factor.",
        label="Saturated disc ×",
        card="MASKSATF",
        low=1.0,
        high=20.0,
        step=0.5,
    )
    min_area: int = parameter(
        5,
        "Fewest connected pixels above the threshold that make a source.",
        label="Least area",
        card="MASKMINA",
        unit="px",
        low=1,
        high=1_000_000,
    )
    passes: int = parameter(
        3,
        "Most rounds of detect, grow, re-fit. It stops earlier when a pass masks nothing"
        " new. 0 finds no sources.",
        label="Passes, at most",
        card="MASKPASS",
        low=0,
        high=50,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackgroundParameters(Parameters):
    """How the sky is measured on the unmasked pixels."""

    method: str = parameter(
        "smooth",
        "smooth: deep masks on binned images, clipped means, a smooth surface that also fills"
        " holes; the more accurate. sep: SEP's own mesh, sources above sigma masked.",
        label="Method",
        card="BKGMETH",
        choices=("sep", "smooth"),
    )
    is_2d: bool = parameter(
        True,
        "On: a background that varies over the frame as the model says."
        " Off: one constant, the global background of SEP's mesh; the model is not looked at.",
        label="2-D background",
        card="BKGIS2D",
    )
    model: str = parameter(
        "mesh",
        "mesh: follows the sky from box to box. constant: the median of the free sky. plane, poly2"
        " to poly4: a polynomial of that degree through the free boxes, carried on under masks.",
        label="Model",
        card="BKGMODEL",
        choices=("mesh", "constant", "plane", "poly2", "poly3", "poly4"),
    )
    fill: str = parameter(
        "nearest",
        "Over-masked boxes of the method sep with the model mesh. nearest: as SEP does, in steps"
        " from the nearest boxes. smooth: by a smooth surface. All else always fills smoothly.",
        label="Fill boxes",
        card="BKGFILL",
        choices=("nearest", "smooth"),
    )
    box_size: int = parameter(
        64,
        "Side of the boxes in which the sky is measured. Larger than the largest source"
        " outside the mask, smaller than the sky's own structure.",
        label="Box size",
        card="BKGBOX",
        unit="px",
        low=4,
        high=16_384,
        step=8,
    )
    filter_size: int = parameter(
        3,
        "Side of the median filter over the mesh, in boxes. It removes boxes raised by a"
        " star; 1 is off.",
        label="Filter size",
        card="BKGFILT",
        unit="boxes",
        low=1,
        high=99,
        step=2,
        odd=True,
    )
    blank_invalid: bool = parameter(
        False,
        "Write NaN into the maps where pixels are invalid, instead of the interpolated sky.",
        label="NaN where invalid",
        card="BKGBLANK",
    )

    @property
    def modelled(self) -> bool:
        """Whether the map is that of a model other than the mesh."""
        return self.is_2d and self.model != "mesh"

    @property
    def fills_smoothly(self) -> bool:
        """Whether over-masked boxes of SEP's mesh are filled by a smooth surface."""
        meshed = self.is_2d and not self.modelled
        return meshed and (self.method, self.fill) == ("sep", "smooth")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmoothParameters(Parameters):
    """The method ``smooth``: how deep it masks, and how stiff its surface is."""

    low_sigma: float = parameter(
        2.0,
        "A source reaches as far as this threshold, in units of the smoothed noise of the binned"
        " image.",
        label="Low threshold",
        card="SMLOW",
        unit="noise",
        low=0.5,
        high=1000,
        step=0.5,
    )
    high_sigma: float = parameter(
        3.0,
        "A source must somewhere reach this threshold, in the same units.",
        label="High threshold",
        card="SMHIGH",
        unit="noise",
        low=0.5,
        high=1000,
        step=0.5,
    )
    growth: float = parameter(
        2.5,
        "A source is masked by a disc of this times the radius of its area. Lowered where all"
        " discs would cover more than the most coverage.",
        label="Growth",
        card="SMGROW",
        low=0.0,
        high=20.0,
        step=0.5,
    )
    most_growth: float = parameter(
        320.0,
        "A disc reaches at most this far beyond the radius of the source's area.",
        label="Growth, at most",
        card="SMGROWPX",
        unit="px",
        low=0.0,
        high=100_000,
        step=10,
    )
    saturated_growth: float = parameter(
        1.6,
        "The disc of a saturated source is larger by this factor.",
        label="Saturated disc ×",
        card="SMGROWS",
        low=1.0,
        high=20.0,
        step=0.1,
    )
    most_coverage: float = parameter(
        0.5,
        "Share of the frame the discs may cover before they grow less, down to 1.2 times.",
        label="Coverage, at most",
        card="SMCOVER",
        low=0.0,
        high=1.0,
        step=0.05,
    )
    least_free: float = parameter(
        0.1,
        "Share of a box that must be free for it to be measured.",
        label="Free, at least",
        card="SMFREE",
        low=0.0,
        high=1.0,
        step=0.05,
    )
    degree: int = parameter(
        2,
        "Degree of the polynomial under the smooth surface; two more where those halve what it"
        " leaves.",
        label="Degree",
        card="SMDEGREE",
        low=0,
        high=6,
    )
    stiffness: float | None = parameter(
        None,
        "Stiffness of the surface; large leaves the polynomial alone. Empty: found by"
        " cross-validation.",
        label="Stiffness",
        card="SMSTIFF",
        unit="empty: auto",
        low=0.0,
        high=1e12,
    )
    faint_light: bool = parameter(
        True,
        "Take the light of sources too faint to find off the sky: at least what the skewness of"
        " the free sky proves. Does nothing where noise is correlated between pixels.",
        label="Faint sources' light off",
        card="SMFAINT",
    )
    wings: bool = parameter(
        True,
        "Take the wings of large sources off the sky beyond their masks, as their profile inside"
        " goes on.",
        label="Large sources' wings off",
        card="SMWINGS",
    )


COMMON = ("constant", "plane", "poly2")  # models that all chips of a mosaic can share

# the one method that looks at a parameter; those not named here serve both
METHOD_OF = {
    **dict.fromkeys(
        ("sigma", "mask_radius_factor", "saturation_radius_factor", "filter_size", "fill"), "sep"
    ),
    **{name: "smooth" for name, *_ in SmoothParameters.rules()},
}

"""Names of data-quality flags: from the header where it has them, else by instrument.

Sources: HST instrument handbooks (as in stginga's tables), JWST's `dqflags` (stdatamodels),
NOIRLab Data Handbook and DESDM for DECam.
"""

from __future__ import annotations

import re
from typing import Any

_HST = "LOST FILLED BADPIX MASKED HOT {} WARM {} SATURATED BADREF TRAP ATODSAT CRDRIZ CRREJ {} {}"
_BITS = {
    "HST": _HST.format("CTE", "BADCOL", "USER", "UNUSED"),
    "ACS": _HST.format("UNSTABLE", "BADCOL", "USER", "UNUSED"),
    "WFC3": _HST.format("CTE", "BADBIAS", "CRMAX", "USER"),
    "JWST": (
        "DO_NOT_USE SATURATED JUMP_DET DROPOUT OUTLIER PERSISTENCE AD_FLOOR CHARGELOSS RESERVED"
        " NON_SCIENCE DEAD HOT WARM LOW_QE RC TELEGRAPH NONLINEAR BAD_REF_PIXEL NO_FLAT_FIELD"
        " NO_GAIN_VALUE NO_LIN_CORR NO_SAT_CHECK UNRELIABLE_BIAS UNRELIABLE_DARK"
        " UNRELIABLE_SLOPE UNRELIABLE_FLAT OPEN ADJ_OPEN FLUX_ESTIMATED MSA_FAILED_OPEN"
        " OTHER_BAD_PIXEL REFERENCE_PIXEL"
    ),
    "DES": ("BPM SATURATE INTERP LOW CRAY STAR TRAIL EDGEBLEED SSXTALK EDGE STREAK FIX"),
}
_OLD_CP = {"BAD": 1, "SATURATED": 2, "INTERPOLATED": 4, "CRAY": 16, "BLEED": 64, "TRANSIENT": 128}
_CP_CODES = "BAD NO_VALUE SATURATED BLEED CRAY LOW_WEIGHT DIFF STREAK"  # values, not bits


def flag_names(header: Any) -> tuple[dict[str, int], str]:
    """The flags a mask's header knows by name.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Of the mask, with the cards of the primary HDU.

    Returns
    -------
    names : dict
        Value of each flag by its name, in capitals.
    kind : {"bits", "labels", ""}
        Whether values are sums of flags, or one code each (DECam's Community Pipeline since
        its version 3.5); empty where no name is known.
    """
    planes = {
        key[3:]: 1 << int(value)
        for key, value in header.items()
        if key.startswith("MP_") and str(value).isdigit() and int(value) < 63
    }
    if planes:  # LSST and HSC number the planes anew in each file
        return planes, "bits"
    own = {
        str(value).upper(): int(key[5:])
        for key, value in header.items()
        if re.fullmatch(r"MASKB\d+", key)
    }
    if own:
        return own, "bits"
    words = [str(header.get(key, "")).strip().upper() for key in ("INSTRUME", "TELESCOP")]
    if words[0].startswith("DECAM"):
        return _decam(header)
    for word in words:
        if word in _BITS:
            return {name: 1 << bit for bit, name in enumerate(_BITS[word].split())}, "bits"
    return {}, ""


def _decam(header: Any) -> tuple[dict[str, int], str]:
    if any(key.startswith("DES") for key in header):
        return {name: 1 << bit for bit, name in enumerate(_BITS["DES"].split())}, "bits"
    version = re.match(r"V?(\d+)\.?(\d*)", str(header.get("PLVER", "")).strip().upper())
    if version and (int(version[1]), int(version[2] or 0)) < (3, 5):
        return dict(_OLD_CP), "bits"
    return {name: code for code, name in enumerate(_CP_CODES.split(), 1)}, "labels"

"""A small field, and a session that is run on it without a viewer."""

from __future__ import annotations

from typing import Any

from astropy.wcs import WCS

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.pipeline import Result, Work, run
from ginga_bkgplugin.work.session import Session

FIELD = sample_field((200, 220), stars=20)
SKY = Frame(FIELD.data, FIELD.header, wcs=WCS(FIELD.header))
CIRCLE = PixelCircle(136, 114, 44)


def steps_of(session: Session, work: Work) -> list[Any]:
    frame = session.frame
    options: dict[str, Any] = {"wcs": frame.wcs, "saturation_level": frame.saturation_level}
    return list(run(frame.data, work.recipe, start=work.start, **options))


def run_session(session: Session, mode: str = "run") -> Result:
    work = session.begin(mode)
    *steps, result = steps_of(session, work)
    for step in steps:
        assert session.advance(work.serial, step)
    assert session.finish(work.serial, result)
    assert session.result is not None
    return session.result

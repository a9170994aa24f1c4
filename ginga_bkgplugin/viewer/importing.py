"""Masks from files: what the file does not tell is asked, and the recipe remembers it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ginga.locale.localize import _tr

from ginga_bkgplugin.files.frames import split_spec
from ginga_bkgplugin.files.maskfile import SELF, mask_hdus, read_mask
from ginga_bkgplugin.files.masklook import MaskLook, look_at_mask, open_mask
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.viewer.actions import MaskActions
from ginga_bkgplugin.viewer.dialogs import ask, choose
from ginga_bkgplugin.viewer.guard import guarded
from ginga_bkgplugin.work.session import Session

MASK_KINDS = (
    (_tr("Flags in bits"), "bits"),
    (_tr("Numbered objects"), "labels"),
    (_tr("Not 0: masked"), "mask"),
    (_tr("Weights, 0 is bad"), "weight"),
)


class Importing(MaskActions):
    """The plugin's part for masks from files."""

    fv: Any
    tell: Callable[..., None]

    def open_mask_file(self) -> None:
        """Ask for a FITS mask."""
        self._ask(_tr("Load mask"), "file", self.use_mask_file, (_tr("FITS"), "fits*"))

    @guarded
    def use_mask_file(self, path: str, hdu: str = "", kind: str = "") -> None:
        """Look at a mask; ask for what neither the recipe nor the file tells, one by one.

        That is: which of its images, what kind, which polarity, which flags.
        """
        session = self._ready()
        wanted = session.wanted_mask(path)
        if wanted is not None:
            self._read_as(session, wanted.replace(path=path))
            return
        session.say("Looking at the mask …")
        ny, nx = session.frame.data.shape

        def look() -> Any:
            hdus = [hdu] if hdu else mask_hdus(path, (ny, nx))
            if len(hdus) > 1:
                return hdus
            return look_at_mask(path, (ny, nx), hdus[0] if hdus else None, kind or None)

        def looked(found: Any) -> None:
            if isinstance(found, list):
                self._ask_about_mask(
                    session, path, _tr("Which of its images is the mask?"),
                    [(key, key) for key in found], lambda key, _: self.use_mask_file(path, key),
                )  # fmt: skip
            elif not found.sure:
                self._ask_about_mask(
                    session, path, f"{found.why.split(';')[0]}.\n\n{_tr('What do they mean?')}",
                    MASK_KINDS, lambda kind, _: self.use_mask_file(path, found.hdu, kind),
                )  # fmt: skip
            else:
                self._ask_rest(session, path, found)

        self.jobs.do(session, look, looked)

    def _ask_rest(self, session: Session, path: str, found: MaskLook) -> None:
        """Ask for the flags and the polarity of a mask whose kind is known."""

        def take(polarity: str, flags: str) -> None:
            if polarity or flags:  # flags that are named are masked
                self.take_mask(
                    path, polarity or "bad", flags, found.hdu, found.kind, found.unknown
                )
                return
            self._ask_about_mask(
                session, path, f"{found.why}\n\n{_tr('What is set in it is:')}",
                [(_tr("Bad: mask it"), "bad"), (_tr("Good: mask the rest"), "good")], take,
            )  # fmt: skip

        if found.kind == "bits" and found.present:
            flags = [(f"{flag}  {_percent(share)}", flag) for flag, share in found.present.items()]
            self._ask_about_mask(
                session, path, _tr("these flags are set. Tick those to mask; none: any of them."),
                [(_tr("Load"), found.polarity or "")], take, ticks=flags,
            )  # fmt: skip
        else:
            take(found.polarity or "", "")

    def _ask_about_mask(
        self, session: Session, path: str, text: str, answers: Any,
        then: Callable[[str, str], object], *, ticks: Any = None,
    ) -> None:  # fmt: skip
        def answered(answer: str, typed: str) -> None:
            if self.session is session:
                then(answer, typed)
            else:
                self.tell(f"{Path(path).name} was not loaded: another image is on display now.")
                self.render()

        session.say("")
        words = f"{Path(path).name}: {text}"
        self._dialog = choose(self.fv, _tr("Load mask"), words, answers, answered, ticks=ticks)

    @guarded
    def take_mask(
        self, path: str, polarity: str, flags: str, hdu: str = "", kind: str = "",
        unknown: int = 0,
    ) -> None:  # fmt: skip
        """Read a mask and add it as a layer; of the image's own file the recipe says so."""
        session = self._ready()
        ny, nx = session.frame.data.shape
        bits = [flag for flag in flags.replace(",", " ").split() if flag]
        own = _is_same(split_spec(path)[0], session.frame.path)

        def read() -> Any:
            mask, plane = open_mask(
                path, (ny, nx), hdu=hdu or None, kind=kind or None, polarity=polarity, bits=bits,
                name=Path(path).name,
            )  # fmt: skip
            return (mask.replace(path=SELF) if own else mask), plane

        def take(answer: Any) -> None:
            mask, plane = answer
            _take(session, mask, plane, unknown)

        self.jobs.do(session, read, take)

    def _read_as(self, session: Session, mask: ImportedMask) -> None:
        """Read a mask as the recipe says that wants it."""
        ny, nx = session.frame.data.shape
        read = functools.partial(read_mask, mask, (ny, nx))
        self.jobs.do(session, read, functools.partial(_take, session, mask))

    def read_own_masks(self, session: Session) -> None:
        """Read the masks a recipe wants from the image's own file."""
        ny, nx = session.frame.data.shape
        for mask in session.own_masks():
            there = mask.replace(path=str(session.frame.path))
            read = functools.partial(read_mask, there, (ny, nx))
            self.jobs.do(session, read, functools.partial(session.planes.put, mask))

    def _ask(self, title: str, mode: str, then: Callable[[str], None], kind: Any = None) -> None:
        self._dialog = ask(self.fv, title, mode, self.session, then, kind=kind)


def _take(session: Session, mask: ImportedMask, plane: BoolImage, unknown: int = 0) -> None:
    session.import_mask(mask, plane)
    nan = f" {unknown} pixels of it are NaN: masked too." if unknown else ""
    session.say(f"{mask.name or Path(mask.path).name}: {_percent(plane.mean())} masked"
                f" ({_meaning(mask)}).{nan}")  # fmt: skip


def _meaning(mask: ImportedMask) -> str:
    """What of a mask is masked, in words."""
    if mask.kind == "weight":
        return "weight 0"
    if mask.bits:
        words = ", ".join(map(str, mask.bits))
    else:
        words = {"labels": "objects", "bits": "any flag"}.get(mask.kind, "what is set")
    return f"all but {words}" if mask.polarity == "good" else words


def _percent(share: float) -> str:
    return "<0.01%" if 0 < share < 5e-5 else f"{share:.2%}"


def _is_same(one: Path, other: Path | None) -> bool:
    return other is not None and one.is_file() and other.is_file() and one.samefile(other)

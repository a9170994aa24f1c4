"""Shapes in and out: region files, the clipboard between channels, other images."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from ginga.locale.localize import _tr

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.regionfile import RegionsRead, read_regions
from ginga_bkgplugin.files.regionwriting import write_regions
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, NoWCSError, ParameterError
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.viewer.dialogs import choose
from ginga_bkgplugin.viewer.guard import guarded
from ginga_bkgplugin.viewer.importing import Importing
from ginga_bkgplugin.viewer.sessions import Sessions
from ginga_bkgplugin.work.carry import count_outside
from ginga_bkgplugin.work.session import Session

_TOLD = 5  # problems of a region file that are shown; the log has all


@dataclasses.dataclass(frozen=True)
class Clip:
    """Regions and the image they were copied from."""

    regions: tuple[Region, ...]
    source: Frame


class Exchange(Importing):
    """The plugin's part for files, clipboard and other images."""

    channel: Any
    logger: Any
    sessions: Sessions
    clipboard: list[Clip] = []  # noqa: RUF012 - one for all channels

    # --- region files

    def open_regions(self) -> None:
        """Ask for a DS9 region file."""
        self._ask(_tr("Load regions"), "file", self.use_region_file, (_tr("Regions"), "reg"))

    @guarded
    def use_region_file(self, path: str) -> None:
        """Add the regions of a DS9 file."""
        session = self._ready()
        session.say("Reading regions …")
        read = functools.partial(read_regions, path, session.frame)
        self.jobs.do(session, read, functools.partial(self._take_regions, session, Path(path)))

    def _take_regions(self, session: Session, path: Path, found: RegionsRead) -> None:
        for problem in found.problems:
            self.logger.warning(f"{path}: {problem}")
        words = [f"{len(found.regions)} regions loaded from {path.name}."]
        if found.regions:
            session.add_regions(found.regions, "Load regions")
            outside = count_outside(found.regions, session.frame)
            words += [f"{outside} of them lie outside the image."] if outside else []
        words += found.problems[:_TOLD]
        if len(found.problems) > _TOLD:
            words.append(f"And {len(found.problems) - _TOLD} more lines, see the log.")
        session.say(" ".join(words))

    def save_regions(self) -> None:
        """Ask where to write the regions as a DS9 file."""
        self._ask(_tr("Save regions"), "save", self.write_region_file, (_tr("Regions"), "reg"))

    @guarded
    def write_region_file(self, path: str) -> None:
        """Write the regions as a DS9 file; the dialog asked about an existing one."""
        session = self._ready()
        file = Path(path) if Path(path).suffix else Path(path).with_suffix(".reg")
        notes = write_regions(file, session.recipe.regions, wcs=session.frame.wcs, overwrite=True)
        session.say(" ".join([f"Regions saved as {file}.", *notes]))

    def dropped(self, canvas: Any, drop: Any) -> bool:
        """Take region files dropped on the image; False leaves other files to Ginga."""
        if getattr(drop, "drag_type", "") != "uris":
            return False
        files = [unquote(urlparse(str(uri)).path) for uri in drop.contents["body"]]
        regions = [file for file in files if file.lower().endswith(".reg")]
        for file in regions:
            self.use_region_file(file)
        return bool(regions) and len(regions) == len(files)

    # --- clipboard and other images

    @guarded
    def copy_regions(self) -> None:
        """Copy the selected regions, or all, for other images and channels."""
        session = self._ready()
        self.clipboard[:] = [self._clip(session)]
        session.say(f"{len(self.clipboard[0].regions)} regions copied.")

    def _clip(self, session: Session) -> Clip:
        regions, selection = session.recipe.regions, sorted(session.selection)
        chosen = tuple(regions[place] for place in selection) or regions
        if not chosen:
            raise ParameterError("There is no region to copy: draw one first.")
        return Clip(chosen, session.frame)

    @guarded
    def paste_regions(self) -> None:
        """Paste copied regions, carried by the WCS of both images."""
        session = self._ready()
        if not self.clipboard:
            raise ParameterError("Nothing was copied yet: select regions and press Ctrl+C.")
        self._paste(session, self.clipboard[0])

    def _paste(self, session: Session, clip: Clip) -> None:
        try:
            session.paste_regions(clip.regions, clip.source)
        except NoWCSError as error:
            if clip.source.data.shape != session.frame.data.shape:
                raise
            self._dialog = choose(
                self.fv, _tr("Paste regions"), f"{error}", [(_tr("Same pixels"), "same")],
                lambda *_: self._paste_same(session, clip),
            )  # fmt: skip

    @guarded
    def _paste_same(self, session: Session, clip: Clip) -> None:
        session.paste_regions(clip.regions, clip.source, same_pixels=True)

    @guarded
    def apply_to_channel(self) -> None:
        """Give the selected regions, or all, to every image of the channel."""
        session = self._ready()
        clip, here = self._clip(session), self.channel.get_current_image()
        names = [name for name in self.channel.get_image_names() if name != here.get("name")]
        done, failed, known = 0, [], self.sessions.names()
        for name in names:
            other = known.get(name)
            if other is None or not other.ready:
                self.sessions.waiting.setdefault(name, []).append(clip)
                continue
            try:
                other.paste_regions(clip.regions, clip.source)
                done += 1
            except BackgroundPluginError as error:
                failed.append(f"{name}: {error}")
        words = [f"{len(clip.regions)} regions given to {len(names) - len(failed)} images"]
        if names and done < len(names) - len(failed):
            words.append("(to some when they are shown next)")
        session.say(" ".join(words) + "." + "".join(f" {each}" for each in failed[:_TOLD]))

    def take_waiting(self, session: Session) -> None:
        """Give a session the regions meant for its image before it was looked at."""
        for name, each in self.sessions.names().items():
            if each is session:
                for clip in self.sessions.waiting.pop(name, []):
                    self._paste(session, clip)

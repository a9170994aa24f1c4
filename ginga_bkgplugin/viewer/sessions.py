"""The sessions of a channel's images, kept while other images are looked at."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np

from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.viewer.images import fingerprint, image_key, provisional_frame
from ginga_bkgplugin.work.session import Session

MEMORY = 3 * 2**30  # bytes of results kept for all images of a channel


class Sessions:
    """One session for each image, found again after Ginga's cache dropped the image."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[Hashable, ...], Session] = {}
        self._prints: dict[tuple[Hashable, ...], bytes] = {}
        self.waiting: dict[str, list[Any]] = {}  # for images not looked at yet, by their names

    def of(self, image: Any, last: Session | None) -> tuple[Session, bool]:
        """The session of an image, and whether it is new.

        A new one starts with the parameters, not the regions, of the image looked at before.

        Raises
        ------
        ImageError
            When it is not an image whose sky can be estimated.
        """
        frame = provisional_frame(image)
        key, seen = image_key(image), fingerprint(frame)
        session = self._sessions.pop(key, None)
        new = session is None or session.frame.data.shape != frame.data.shape
        if session is None or new:
            recipe = dataclasses.replace(last.recipe if last else Recipe(), regions=(), masks=())
            session = Session(frame, recipe, ready=False)
        else:
            session.show_pixels(frame.data)
            if self._prints[key] != seen and session.result is not None:
                session.say("The pixels changed since the last run: press Run.")
        self._sessions[key] = session  # the one looked at last stands last
        self._prints[key] = seen
        for other in self._sessions.values():
            if other is not session and not other.busy:  # Ginga may forget them: so do we
                pixels = np.broadcast_to(np.float32(np.nan), other.frame.data.shape)
                other.show_pixels(pixels)
                other.live.drops()  # planes as large as the image, soon made again
        return session, new

    def names(self) -> dict[str, Session]:
        """The sessions of the images looked at, by the names Ginga shows."""
        return {str(key[0]): session for key, session in self._sessions.items()}

    def bound_memory(self, newest: Session) -> None:
        """Free the maps of the images looked at longest ago, past `MEMORY`."""
        held = 0
        others = [session for session in self._sessions.values() if session is not newest]
        for session in (newest, *reversed(others)):
            if session.result is not None:
                held += 9 * session.result.mask.size
                if held > MEMORY and session is not newest:
                    session.drop_maps()

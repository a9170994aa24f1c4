"""The one place where any error ends up in front of the user."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ginga_bkgplugin.recipe.errors import BackgroundPluginError

Method = TypeVar("Method", bound=Callable[..., Any])


def guarded(method: Method) -> Method:
    """Show an error to the user instead of losing it in Ginga's log; then show the state.

    For methods of an object with ``tell(error)``, ``render()`` and a ``logger``.
    """

    @functools.wraps(method)
    def safely(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return method(self, *arguments, **options)
        except BackgroundPluginError as error:
            self.tell(error)
        except Exception as error:
            self.logger.error(f"{method.__name__}: {error}", exc_info=True)
            self.tell(f"Unexpected error: {error!r}. The log has the details.")
        finally:
            self.render()
        return None

    return safely  # type: ignore[return-value]

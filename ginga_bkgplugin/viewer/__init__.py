"""Who shows it: the plugin for Ginga's reference viewer. The only layer that knows Ginga."""

from typing import Any


def ginga_plugin() -> Any:
    """The entry point ``ginga.rv.plugins``: tell Ginga where the plugin is.

    It must not import the plugin itself: Ginga loads the module by its dotted name, once a
    toolkit is chosen.
    """
    from ginga.misc.Bunch import Bunch

    return Bunch(
        module="ginga_bkgplugin.viewer.plugin",
        klass="Background",
        ptype="local",
        workspace="dialogs",
        category="Analysis",
        menu="Background",
        tab="Background",
    )

"""Results as images in Ginga's channels."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from ginga.AstroImage import AstroImage

from ginga_bkgplugin.files.names import stem
from ginga_bkgplugin.files.products import Product


def add_to_channel(fv: Any, channel: Any, product: Product) -> str:
    """Show a product in the channel ``<channel>_bkg``; answers, in words, where it went.

    The plugin's own channel keeps its image: adding there would make the result the input.
    """
    name = f"{PurePath(stem(product.frame)).name}.{product.kind}"
    image = AstroImage(logger=fv.logger)
    image.load_data(product.data)
    header = {card.keyword: card.value for card in product.header.cards if card.keyword}
    image.update_keywords(header)
    image.set(name=name, nothumb=True)
    other = f"{channel.name}_bkg"
    target = fv.get_channel_on_demand(other)
    target.settings.set(raisenew=False)
    fv.add_image(name, image, chname=other)
    return f"Subtracted: see {name} in channel {other}."

"""Results as images in Ginga's channels."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from ginga.AstroImage import AstroImage

from ginga_bkgplugin.files.names import stem
from ginga_bkgplugin.files.products import Product


def add_to_channel(fv: Any, channel: Any, source: str, product: Product) -> str:
    """Show a product in the channel ``<channel>_bkg``; answers, in words, where it went.

    `source` is the name of the image in its channel. The plugin's own channel keeps that image:
    adding there would make the result the input.
    """
    name = f"{PurePath(stem(product.frame)).name}.{product.kind}"
    image = AstroImage(logger=fv.logger)
    image.load_data(product.data)
    header = {card.keyword: card.value for card in product.header.cards if card.keyword}
    image.update_keywords(header)
    image.set(name=name, nothumb=True, subtracted_from=(channel.name, source))
    other = f"{channel.name}_bkg"
    target = fv.get_channel_on_demand(other)
    target.settings.set(raisenew=False)
    fv.add_image(name, image, chname=other)
    return f"Subtracted: see {name} in channel {other}."


def show_original(fv: Any, image: Any) -> str:
    """Show the image that one made by `add_to_channel` was subtracted from; answers where it is.

    It was never changed, so nothing has to be computed. Empty where it is not there any more.
    """
    source, name = image.get("subtracted_from", None) or ("", "")
    if not fv.has_channel(source) or name not in fv.get_channel(source).get_image_names():
        return ""
    fv.change_channel(source)
    fv.get_channel(source).switch_name(name)
    return f"Restored: {name} in channel {source}, which was never changed."

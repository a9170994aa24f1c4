"""Colours of the figures, safe for colour blindness: Okabe & Ito 2008."""

BLUE, RED, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"
CYAN = "#56B4E9"

"""Every shipped theme can be read: contrast by WCAG 2.2, and colours that keep their meaning."""

import colorsys

import pytest
from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet
from rich.style import Style

from loom.tui.themes import BUILT_IN, TERMINAL

PAINTED = [name for name, table in BUILT_IN.items() if table["text"]]
SYSTEMS = [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT]
DECORATION = ("rule", "wall")
HUES = {"good": (90, 160), "online": (90, 160), "bad": (340, 380), "failed": (340, 380)}
"""Degrees: what these colours say must not become another colour's word."""


def luminance(color: ColorTriplet) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in color.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def shown(color: Color | None, system: ColorSystem) -> ColorTriplet:
    assert color is not None
    return color.downgrade(system).get_truecolor()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", PAINTED)
def test_what_carries_meaning_has_contrast(name: str, system: ColorSystem) -> None:
    table = {role: Style.parse(style) for role, style in BUILT_IN[name].items()}
    text = table["text"]
    for role, style in table.items():
        front = shown(style.color or text.color, system)
        back = shown(style.bgcolor or text.bgcolor, system)
        least = 3.0 if role in DECORATION else 4.5
        assert contrast(front, back) >= least, (role, contrast(front, back))


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", PAINTED)
def test_green_stays_green_and_red_stays_red(name: str, system: ColorSystem) -> None:
    for role, (least, most) in HUES.items():
        color = shown(Style.parse(BUILT_IN[name][role]).color, system)
        hue, _, saturation = colorsys.rgb_to_hls(*color.normalized)
        degrees = hue * 360 + (360 if hue * 360 < least - 90 else 0)
        assert least <= degrees <= most, (role, color.hex, degrees)
        assert saturation > 0.2


def test_the_terminals_own_colours_avoid_bright_black() -> None:
    for role, style in TERMINAL.items():
        color = Style.parse(style).color
        assert color is None or color.number != 8, role

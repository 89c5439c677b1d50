"""Text that may come from anybody, safe to print: no character steers a terminal or hides another."""

from __future__ import annotations

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Joiners shape words of some scripts and some emoji. They move nothing.
_HARMLESS = {"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}
# Controls (C0, DEL, C1), surrogates, separators of lines and paragraphs, formats (bidirectional ones too).
_UNSAFE_CATEGORIES = {"Cc", "Cs", "Zl", "Zp", "Cf"}


def printable(text: str) -> str:
    """Return the text on one line, with each character that could steer a terminal replaced."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACEMENT if _is_unsafe(character) else character for character in _one_line(text))


def unsafe_characters(text: str) -> list[str]:
    """Name the characters of a text that `printable` would replace, each once: `U+001B`."""
    return [f"U+{ord(each):04X}" for each in dict.fromkeys(text) if _is_unsafe(each)]


def _one_line(text: str) -> str:
    return text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")


def _is_unsafe(character: str) -> bool:
    import unicodedata  # noqa: PLC0415  (callers read hardly anything but ASCII)

    return unicodedata.category(character) in _UNSAFE_CATEGORIES and character not in _HARMLESS

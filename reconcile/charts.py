"""Pictures as SVG that a browser shows without a script: plain bars, each with its number in words beside it."""

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, ROW, TALL = 640, 26, 150
LETTER = 7.2  # how wide a letter of the page's 12 px text is at most


def bars(name: str, title: str, says: str, rows: Sequence[tuple[str, float, str]], width: int = WIDTH) -> Markup:
    """A bar for each row, as long as its value; the longest fills the room there is.

    name  unique in the page, for the parts that a screen reader looks up
    says  the picture in a sentence
    rows  label, value, value in words
    """
    left = 12 + LETTER * max((len(label) for label, _, _ in rows), default=0)
    room = width - left - 12 - LETTER * max((len(words) for _, _, words in rows), default=0)
    longest = max((value for _, value, _ in rows), default=0) or 1
    drawn = [_bar(at, left, room * value / longest, label, words) for at, (label, value, words) in enumerate(rows)]
    return _picture(name, title, says, width, ROW * len(rows), Markup("").join(drawn))


def _bar(at: int, left: float, length: float, label: str, words: str) -> Markup:
    y = at * ROW
    return Markup(
        '<text class="label" x="{}" y="{}">{}</text><rect class="bar" x="{}" y="{}" width="{:.1f}" height="16" rx="2"/>'
        '<text x="{:.1f}" y="{}">{}</text>'
    ).format(0, y + 17, label, left, y + 4, max(length, 1), left + max(length, 1) + 6, y + 17, words)


def waterfall(name: str, title: str, says: str, rows: Sequence[tuple[str, float, float, str]]) -> Markup:
    """Steps from one sum to the next on an axis that all share: those up drawn as what speaks for, those down as what speaks against.

    rows  label, sum before, sum after, the step in words
    """
    left = 12 + LETTER * max((len(label) for label, *_ in rows), default=0)
    room = WIDTH - left - 12 - LETTER * max((len(words) for *_, words in rows), default=0)
    low, high = min([0.0, *(min(row[1:3]) for row in rows)]), max([0.0, *(max(row[1:3]) for row in rows)])
    drawn = [_step(at, left, room / ((high - low) or 1), low, *row) for at, row in enumerate(rows)]
    return _picture(name, title, says, WIDTH, ROW * len(rows), Markup("").join(drawn))


def _step(at: int, left: float, scale: float, low: float, label: str, before: float, after: float, words: str) -> Markup:
    y, start, length = at * ROW, left + scale * (min(before, after) - low), max(scale * abs(after - before), 1)
    return Markup(
        '<text class="label" x="0" y="{}">{}</text><rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="16" rx="2"/>'
        '<text x="{:.1f}" y="{}">{}</text>'
    ).format(y + 17, label, "for" if after >= before else "against", start, y + 4, length, start + length + 6, y + 17, words)


def columns(name: str, title: str, says: str, rows: Sequence[tuple[str, float, str]]) -> Markup:
    """A column for each row, side by side in the order given: for a count by age."""
    highest, step = max((value for _, value, _ in rows), default=0) or 1, WIDTH / max(len(rows), 1)
    drawn = [_column(at * step, step, (TALL - 44) * value / highest, label, words) for at, (label, value, words) in enumerate(rows)]
    return _picture(name, title, says, WIDTH, TALL, Markup("").join(drawn))


def _column(x: float, step: float, height: float, label: str, words: str) -> Markup:
    foot = TALL - 22
    return Markup(
        '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/><text class="middle" x="{:.1f}" y="{:.1f}">{}</text>'
        '<text class="middle label" x="{:.1f}" y="{}">{}</text>'
    ).format(x + 8, foot - height, step - 16, max(height, 1), x + step / 2, foot - height - 6, words, x + step / 2, TALL - 5, label)


def _picture(name: str, title: str, says: str, width: int, height: int, drawn: Markup) -> Markup:
    return Markup(
        '<svg role="img" aria-labelledby="{0}-title {0}-says" viewBox="0 0 {1} {2}" width="{1}" height="{2}" xmlns="http://www.w3.org/2000/svg">'
        '<title id="{0}-title">{3}</title><desc id="{0}-says">{4}</desc>{5}</svg>'
    ).format(name, width, height, escape(title), escape(says), drawn)

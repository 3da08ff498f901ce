"""Finds the table in a message: its delimiter, its rows, and whether the first one is a heading."""

import csv
import io
import re

from csv_summary.cells import type_of

DELIMITERS = ("\t", "|", ";", ",")
MAX_ROWS = 20000
MAX_COLUMNS = 100
MAX_CELL_CHARACTERS = 10000
# Enough rows to tell a heading from data.
SAMPLE = 50


class TooLarge(Exception):
    """The table is beyond the limits of the skill."""


class Table:
    """`names` are the headings, made up where there is none; each row has one cell per name."""

    def __init__(self, names, rows, has_heading, ragged):
        self.names = names
        self.rows = rows
        self.has_heading = has_heading
        self.ragged = ragged


def find_table(text):
    """The Table in the text, or None."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = _without_preamble(text)
    best = None
    for delimiter in DELIMITERS:
        for block in _blocks(text, delimiter):
            rows = _rows_with(block, delimiter)
            if rows and (best is None or _weight(rows) > _weight(best)):
                best = rows
    return _to_table(best) if best else None


# What people write before the table, on its own line or on that of the first row. An ideographic
# comma or colon is never a delimiter, so it may stand anywhere in it.
_CALL = re.compile(r"\s*[^\n,;|\t]{0,20}?csv[- ]summary(?:\s+(?:on|for|this|with))*\s*[:：]?\s*", re.IGNORECASE)
_INTRODUCTION = re.compile(r"[^\n]*[:：?？。]\s*\n")
_PREFIX = re.compile(r"[^\n,;|\t]{1,80}(?::\s+|：)")


def _without_preamble(text):
    match = _CALL.match(text)
    position = match.end() if match else len(text) - len(text.lstrip("\n "))
    while True:
        match = _INTRODUCTION.match(text, position)
        if match is None or match.end() >= len(text):
            break
        position = match.end()
    match = _PREFIX.match(text, position)
    return text[match.end() if match else position :]


def _blocks(text, delimiter):
    """The records between blank lines, as text; a blank line inside quotes does not count."""
    block = []
    for line in _logical_lines(text, delimiter):
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _weight(rows):
    """How much of a table this is: cells beyond one column, in rows that agree on their number."""
    width = _width(rows)
    return sum(1 for row in rows if len(row) == width) * (width - 1)


def _width(rows):
    counts = {}
    for row in rows:
        counts[len(row)] = counts.get(len(row), 0) + 1
    return max(counts, key=lambda width: (counts[width], width))


def _rows_with(block, delimiter):
    """The rows of a block that is split at this delimiter, without the prose around them."""
    rows = []
    for row in _records(block, delimiter):
        cells = [cell.strip() for cell in row]
        if delimiter == "|":
            cells = _without_frame(cells)
        if any(cells) and not _is_rule(cells):
            rows.append(cells)
        if len(rows) > MAX_ROWS:
            raise TooLarge()
    candidates = [row for row in rows if len(row) > 1]
    if len(candidates) < 2:
        return None
    width = _width(candidates)
    if width > MAX_COLUMNS:
        raise TooLarge()
    # Prose stands before the first and after the last row that is as wide as the table.
    wide = [index for index, row in enumerate(rows) if len(row) == width]
    first, last = wide[0], wide[-1]
    inside = rows[first : last + 1]
    return inside if len(wide) >= 2 and len(wide) * 2 >= len(inside) else None


def _records(block, delimiter):
    """Records as in RFC 4180; a quote that never closes is an ordinary character."""
    # Our own limit applies below; the module's would raise an error of its own.
    csv.field_size_limit(2**31 - 1)
    for lines in block:
        if delimiter not in lines:
            yield [lines]
            continue
        quoting = csv.QUOTE_MINIMAL if lines.count('"') % 2 == 0 else csv.QUOTE_NONE
        for row in csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter, quoting=quoting, skipinitialspace=True):
            if any(len(cell) > MAX_CELL_CHARACTERS for cell in row):
                raise TooLarge()
            yield row


MAX_QUOTED_LINES = 50


def _logical_lines(text, delimiter):
    """Lines, joined while a quoted field runs on, but never so far that one quote eats the rest."""
    lines = text.split("\n")
    opens = re.compile(r'(?:^|%s)\s*"' % re.escape(delimiter))
    index = 0
    while index < len(lines):
        end = index + 1
        if lines[index].count('"') % 2 == 1 and opens.search(lines[index]):
            end = _closing(lines, index)
        yield "\n".join(lines[index:end])
        index = end


def _closing(lines, index):
    """One past the line that closes the quote opened at `index`; that line itself when none does."""
    for end in range(index + 1, min(index + MAX_QUOTED_LINES, len(lines))):
        if lines[end].count('"') % 2 == 1:
            return end + 1
    return index + 1


def _without_frame(cells):
    """The cells of `| a | b |` without the empty ones outside the bars."""
    if cells and cells[0] == "":
        cells = cells[1:]
    if cells and cells[-1] == "":
        cells = cells[:-1]
    return cells


def _is_rule(cells):
    return all(re.fullmatch(r":?-{2,}:?", cell) for cell in cells)


def _to_table(rows):
    width = _width(rows)
    ragged = sum(1 for row in rows if len(row) != width)
    has_heading = _has_heading(rows, width)
    names = rows[0] if has_heading else [""] * width
    body = rows[1:] if has_heading else rows
    cells = [(row + [""] * width)[:width] for row in body]
    return Table(names, cells, has_heading, ragged)


_NAME = re.compile(r"[^\W\d].{0,59}")


def _has_heading(rows, width):
    """Whether the first row names the columns.

    It does when its cells are distinct texts and some column below is of another type, or when
    every column is text, at least one below repeats itself and the first row's cells occur nowhere else.
    """
    first = rows[0]
    if len(set(first)) != len(first) or not all(_NAME.fullmatch(cell) for cell in first):
        return False
    # "No" and "N" name columns as well as they mean no.
    if any(type_of(cell) not in ("text", "boolean") for cell in first):
        return False
    sample = rows[1 : SAMPLE + 1]
    for column in range(width):
        cells = [row[column] for row in sample if column < len(row) and row[column]]
        if cells and all(type_of(cell) != "text" for cell in cells):
            return True
    below = {(column, cell) for row in sample for column, cell in enumerate(row)}
    if len(sample) < 2 or any((column, cell) in below for column, cell in enumerate(first)):
        return False
    columns = [[row[c] for row in sample if c < len(row)] for c in range(width)]
    return any(len(set(cells)) < len(cells) for cells in columns)

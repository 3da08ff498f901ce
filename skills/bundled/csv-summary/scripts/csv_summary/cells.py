"""What one cell is: whole number, number, date, yes/no, or text."""

import datetime
import re
from decimal import Decimal

_SIGNS = r"(?:[$€£¥￥]|(?:NT|US|HK)\$|)"
_NUMBER = re.compile(
    r"(?P<minus>-?)" + _SIGNS + r"\s?(?P<sign>[-+]?)"
    r"(?P<digits>[0-9]{1,3}(?:,[0-9]{3}){1,9}|[0-9]{1,30})(?P<places>\.[0-9]{1,30})?(?:e(?P<power>[-+]?[0-9]{1,2}))?\s?%?",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日)"
    r"(?:[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_BOOLEANS = {"true", "false", "yes", "no", "y", "n", "是", "否"}


def number_in(cell):
    """The Decimal in a cell, or None. Codes with a leading zero are not numbers."""
    match = _NUMBER.fullmatch(cell)
    if match is None or (match["minus"] and match["sign"]):
        return None
    digits = match["digits"]
    if len(digits) > 1 and digits[0] == "0":
        return None
    sign = "-" if match["minus"] or match["sign"] == "-" else ""
    power = "e" + match["power"] if match["power"] else ""
    return Decimal(sign + digits.replace(",", "") + (match["places"] or "") + power)


def date_in(cell):
    """The date in a cell, time of day left out, or None."""
    match = _DATE.fullmatch(cell)
    if match is None:
        return None
    year, _, month, day, han_month, han_day = match.groups()
    try:
        return datetime.date(int(year), int(month or han_month), int(day or han_day))
    except ValueError:
        return None


def type_of(cell):
    number = number_in(cell)
    if number is not None:
        whole = number == number.to_integral_value() and "." not in cell and "%" not in cell
        return "integer" if whole else "number"
    if date_in(cell) is not None:
        return "date"
    if cell.lower() in _BOOLEANS:
        return "boolean"
    return "text"

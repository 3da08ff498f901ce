"""A message with a table in it to a short Markdown summary in the reader's language."""

import datetime
import re
from decimal import Context, Decimal

from csv_summary.cells import date_in, number_in, type_of
from csv_summary.table import TooLarge, find_table

MAX_LISTED_COLUMNS = 30
MAX_SHOWN = 40
MAX_FREQUENT = 3
_CONTEXT = Context(prec=40)

_SENTENCES = {
    "en": {
        "none": "I found no table in that. Paste one with a row per line, for example:\n"
        "```\nname,amount\nAda,12\nBo,30\n```",
        "too_large": "That table is too large for me: at most 20,000 rows, 100 columns and 10,000 "
        "characters in a cell.",
        "head": "**%s × %s**", "rows": "row|rows", "columns": "column|columns",
        "heading": "first row taken as headings", "no_heading": "no headings found",
        "ragged": "%d of the rows had more or fewer cells than the others",
        "column": "Column %d",
        "integer": "whole number", "number": "number", "date": "date", "boolean": "yes/no", "text": "text",
        "empty_column": "empty",
        "filled": "%d filled", "empty": "%d empty", "distinct": "%d distinct",
        "min": "min", "median": "median", "max": "max", "most": "most frequent",
        "more": "… and %d more columns", "comma": ", ", "colon": ": ", "semicolon": "; ",
    },
    "zh-Hant": {
        "none": "這裡找不到表格。請貼上每列一行的表格，例如：\n```\n姓名,金額\n小明,12\n小華,30\n```",
        "too_large": "這個表格太大：最多 20,000 列、100 欄，每格 10,000 個字元。",
        "head": "**%s × %s**", "rows": "列", "columns": "欄",
        "heading": "第一列視為標題", "no_heading": "沒有標題列",
        "ragged": "有 %d 列的格數與其他列不同",
        "column": "第 %d 欄",
        "integer": "整數", "number": "數字", "date": "日期", "boolean": "是／否", "text": "文字",
        "empty_column": "空白",
        "filled": "有值 %d", "empty": "空白 %d", "distinct": "相異值 %d",
        "min": "最小", "median": "中位數", "max": "最大", "most": "最常見",
        "more": "……另外還有 %d 欄", "comma": "，", "colon": "：", "semicolon": "；",
    },
    "zh-Hans": {
        "none": "这里找不到表格。请粘贴每行一条的表格，例如：\n```\n姓名,金额\n小明,12\n小华,30\n```",
        "too_large": "这个表格太大：最多 20,000 行、100 列，每格 10,000 个字符。",
        "head": "**%s × %s**", "rows": "行", "columns": "列",
        "heading": "第一行视为标题", "no_heading": "没有标题行",
        "ragged": "有 %d 行的格数与其他行不同",
        "column": "第 %d 列",
        "integer": "整数", "number": "数字", "date": "日期", "boolean": "是／否", "text": "文本",
        "empty_column": "空白",
        "filled": "有值 %d", "empty": "空白 %d", "distinct": "不同值 %d",
        "min": "最小", "median": "中位数", "max": "最大", "most": "最常见",
        "more": "……另外还有 %d 列", "comma": "，", "colon": "：", "semicolon": "；",
    },
}


def summarise(text, locale):
    say = _SENTENCES.get(locale, _SENTENCES["en"])
    try:
        table = find_table(text)
    except TooLarge:
        return say["too_large"]
    if table is None or not table.rows:
        return say["none"]
    lines = [_head(table, say), ""]
    for index, name in enumerate(table.names[:MAX_LISTED_COLUMNS]):
        cells = [row[index] for row in table.rows]
        lines.append(_column(name or say["column"] % (index + 1), cells, say))
    if len(table.names) > MAX_LISTED_COLUMNS:
        lines.append("- " + say["more"] % (len(table.names) - MAX_LISTED_COLUMNS))
    return "\n".join(lines)


def _head(table, say):
    size = say["head"] % (_count(len(table.rows), say["rows"]), _count(len(table.names), say["columns"]))
    remarks = [say["heading"] if table.has_heading else say["no_heading"]]
    if table.ragged:
        remarks.append(say["ragged"] % table.ragged)
    return size + say["comma"] + say["semicolon"].join(remarks)


def _count(count, words):
    singular, _, plural = words.partition("|")
    return "%d %s" % (count, plural if plural and count != 1 else singular)


def _column(name, cells, say):
    filled = [cell for cell in cells if cell]
    kind = _type(filled)
    facts = [say["filled"] % len(filled)]
    if len(filled) < len(cells):
        facts.append(say["empty"] % (len(cells) - len(filled)))
    facts.append(say["distinct"] % len(set(filled)))
    detail = _detail(kind, filled, say)
    title = "- **%s** (%s)%s" % (_plain(name), say[kind], say["colon"])
    return title + say["comma"].join(facts) + (say["semicolon"] + detail if detail else "")


def _type(filled):
    kinds = {type_of(cell) for cell in filled}
    if not kinds:
        return "empty_column"
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else "text"


def _detail(kind, filled, say):
    if kind in ("integer", "number"):
        percent = "%" if all(cell.endswith("%") for cell in filled) else ""
        values = sorted(number_in(cell) for cell in filled)
        return _range([_decimal(value) + percent for value in (values[0], _median(values), values[-1])], say)
    if kind == "date":
        values = sorted(date_in(cell) for cell in filled)
        middle = datetime.date.fromordinal(
            (values[(len(values) - 1) // 2].toordinal() + values[len(values) // 2].toordinal()) // 2
        )
        return _range([value.isoformat() for value in (values[0], middle, values[-1])], say)
    if kind == "empty_column":
        return ""
    counts = {}
    for cell in filled:
        counts[cell] = counts.get(cell, 0) + 1
    if len(counts) == len(filled):
        return ""
    frequent = sorted(counts, key=lambda cell: -counts[cell])[:MAX_FREQUENT]
    shown = say["comma"].join("%s (%d)" % (_plain(cell), counts[cell]) for cell in frequent)
    return say["most"] + " " + shown


def _median(values):
    low, high = values[(len(values) - 1) // 2], values[len(values) // 2]
    return _CONTEXT.divide(_CONTEXT.add(low, high), Decimal(2))


def _range(shown, say):
    labels = (say["min"], say["median"], say["max"])
    return say["comma"].join("%s %s" % pair for pair in zip(labels, shown))


def _decimal(value):
    if value and abs(value.adjusted()) > 20:
        return format(_CONTEXT.normalize(value), "E")
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(cell):
    """A cell as text that Markdown leaves alone, on one line and not too long."""
    text = " ".join(cell.split())
    if len(text) > MAX_SHOWN:
        text = text[:MAX_SHOWN] + "…"
    # As few backslashes as possible, since some chat windows show them.
    return re.sub(r"[*`\[\]<>]|\\(?=[!-/:-@\[-`{-~])|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)

"""Reads {"text": message} on stdin and writes {"text": summary} on stdout.

The answer is Markdown in the language that CLAWGATE_LOCALE names. Input that is not such an object
ends with exit code 1 and one line on stderr.
"""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from csv_summary.summary import summarise  # noqa: E402

MAX_INPUT_BYTES = 1024 * 1024


def main():
    raw = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    if len(raw) > MAX_INPUT_BYTES:
        return fail("input is larger than %d bytes" % MAX_INPUT_BYTES)
    try:
        request = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return fail("input is not JSON in UTF-8")
    text = request.get("text") if isinstance(request, dict) else None
    if not isinstance(text, str):
        return fail('input is not an object with a string "text"')
    reply = summarise(text, os.environ.get("CLAWGATE_LOCALE", "en"))
    json.dump({"text": reply}, sys.stdout)
    return 0


def fail(reason):
    print("csv-summary: " + reason, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

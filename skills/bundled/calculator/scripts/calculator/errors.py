"""Why a question gets no result. `reason` is a key of the sentences in answer.py."""


class NoResult(Exception):
    def __init__(self, reason, **details):
        super().__init__(reason)
        self.reason = reason
        self.details = details


def not_understood():
    return NoResult("not_understood")

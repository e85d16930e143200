"""How a delivery can end badly. The difference decides whether it may be tried again."""


class NotSent(Exception):
    """Certainly nothing was delivered; the text says why. `retry`: worth another try later; `down`: the other side could
    not be reached at all, so the next rows would wait for the same."""

    def __init__(self, text: str, *, retry: bool, down: bool = False):
        super().__init__(text)
        self.retry, self.down = retry, down


class Withheld(Exception):
    """Nothing was sent, because it must not be any more (unsubscribed, stopped); the text says why."""


class Unsure(Exception):
    """It may have been delivered or not: never tried again by itself."""

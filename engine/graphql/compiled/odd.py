"""What makes a plan give up."""


class Unsupported(Exception):
    """An operation, or a part of one, that is not compiled."""


class Odd(Exception):
    """A value that a plan does not deal with; the ordinary way is to answer."""

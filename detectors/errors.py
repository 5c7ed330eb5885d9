"""The error tree. Each class carries its policy; nobody branches on message text."""


class CuofengError(Exception):
    """Anything this system raises on purpose. ``exit_code`` is what the command line returns."""

    exit_code = 1
    retriable = False


class InputError(CuofengError):
    """Bad input or usage: says what and where; nothing was written."""

    exit_code = 2


class InfrastructureError(CuofengError):
    """The database or the broker is away: block and try again."""

    retriable = True

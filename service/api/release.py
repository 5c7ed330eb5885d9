"""Which version runs."""

from importlib.metadata import PackageNotFoundError, version

#: Run from a working tree that was not installed.
UNPACKAGED = "0+unpackaged"


def installed_version() -> str:
    """Version of the installed distribution."""
    try:
        return version("cuofeng")
    except PackageNotFoundError:
        return UNPACKAGED

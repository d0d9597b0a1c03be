"""What the Python drivers share: claims are printed as `ok` or `not ok`, and `run` counts them."""

import os
import sys


class Checks:
    """Prints one line for each claim; `finish` gives the exit code."""

    def __init__(self):
        self.failed = 0

    def true(self, claim, holds, seen=""):
        """Claims that something holds; `seen` is shown when it doesn't."""
        if holds:
            print(f"ok - {claim}", flush=True)
        else:
            self.failed += 1
            print(f"not ok - {claim}: {seen!r}", flush=True)

    def equal(self, claim, got, wanted):
        """Claims that two values are equal."""
        self.true(claim, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def raises(self, claim, kind, call):
        """Claims that `call` fails with an exception of this kind, and returns the exception."""
        try:
            got = call()
        except kind as error:
            self.true(claim, True)
            return error
        except Exception as error:  # a claim that fails must not hide the next ones
            self.true(claim, False, error)
            return error
        self.true(claim, False, f"no error, but {got!r}")
        return None

    def finish(self):
        """Ends the driver."""
        sys.exit(1 if self.failed else 0)


def setting(name):
    """Reads what `run` passes on."""
    value = os.environ.get(name)
    if value is None:
        sys.exit(f"{name} is not set; start the drivers with tests/clients/run")
    return value

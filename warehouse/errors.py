"""The one exception that is meant for people: printed as it is, without a traceback."""

from __future__ import annotations


class OmicsError(Exception):
    """Something that a user can put right.

    Args:
        what: What was seen, one sentence.
        where: The file, setting or place it was seen in.
        expected: What would have been right.
        fix: The next step to take.

    Examples:
        >>> print(OmicsError("the port is 'x'", where="PGPORT", expected="a number"))
        the port is 'x'
          where:    PGPORT
          expected: a number
    """

    def __init__(
        self,
        what: str,
        *,
        where: object | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        """The message as a user reads it: one line for each thing known."""
        lines = [self.what]
        for label, text in (("where", self.where), ("expected", self.expected), ("fix", self.fix)):
            if text:
                lines.append(f"  {label + ':':<9} {text}")
        return "\n".join(lines)

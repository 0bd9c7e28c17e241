"""The one error that configuration raises."""

from __future__ import annotations


class ConfigurationError(Exception):
    """A file of the configuration is wrong.

    Attributes:
        file: path of the file relative to the repository, as its user would type it.
        key: dotted path of the key inside the file, empty when the file as a whole is wrong.
        problem: what is wrong, in one clause.
        mend: what to do about it, in one clause.
    """

    def __init__(self, file: str, key: str, problem: str, mend: str) -> None:
        self.file = file
        self.key = key
        self.problem = problem
        self.mend = mend
        place = f"{file}: {key}" if key else file
        super().__init__(f"{place}: {problem}; {mend}")

"""Log files of children: bounded in size, and read for the one line that says why a child ended."""

import json
import re
from pathlib import Path

ROTATE_BYTES = 10 * 1024 * 1024
TAIL_BYTES = 32 * 1024
LINE_LIMIT = 300

_ERROR = re.compile(r"error|fatal|exception|critical|panic|refused|cannot|could not|failed", re.IGNORECASE)
_QUIET = re.compile(r"^(traceback \(most recent|\s)", re.IGNORECASE)


def rotate(log: Path) -> None:
    """Put a log of more than 10 MB aside (one generation) before the next start appends to it."""
    try:
        if log.stat().st_size > ROTATE_BYTES:
            log.replace(log.with_name(log.name + ".1"))
    except FileNotFoundError:
        return


def tail(log: Path, offset: int = 0) -> list[str]:
    """Lines of the log from `offset` on, at most the last 32 KB of them."""
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(min(offset, size), size - TAIL_BYTES))
            return stream.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []


def last_error(log: Path, offset: int, secrets: frozenset[str]) -> str:
    """The last line that names an error, or else the last line; secrets replaced by ***."""
    lines = [text for line in tail(log, offset) if (text := _message(line))]
    if not lines:
        return ""
    chosen = next((line for line in reversed(lines) if _ERROR.search(line)), lines[-1])
    return redact(chosen.strip(), secrets)[:LINE_LIMIT]


def redact(text: str, secrets: frozenset[str]) -> str:
    """The text without any of the secrets, longest first so that one inside another leaves no rest."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _message(line: str) -> str:
    """What a log line says: message and error of a JSON record, nothing for frames of a traceback."""
    if line.startswith("{"):
        try:
            record = json.loads(line)
        except ValueError:
            return line
        parts = [record.get(key) for key in ("level", "message", "msg", "event", "error", "exception")]
        problems = record.get("problems")
        parts += problems if isinstance(problems, list) else []
        texts = [part.strip().splitlines()[-1] for part in parts if isinstance(part, str) and part.strip()]
        return " ".join(texts)
    return "" if _QUIET.match(line) else line.rstrip()

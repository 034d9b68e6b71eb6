"""Regular expressions of the package: matching time grows at most linearly with the text, whatever
the text.

Each is tried with the methods that the code calls, on repeated characters, pairs and words taken
from the expression itself, after a text that matches its beginning and before one that does not
match its end. Processor time is measured, so that a busy machine changes nothing. A text is
lengthened, in two steps, only if the time measured so far suggests too much.
"""

from __future__ import annotations

import ast
import importlib
import math
import re
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import ckanext.ecosphere
from ckanext.ecosphere.dataset import links, services
from ckanext.ecosphere.harvest.normalise import draft
from ckanext.ecosphere.schemas import urls
from ckanext.ecosphere.schemas.importing import addresses
from ckanext.ecosphere.tests.trees import parsed

pytestmark = pytest.mark.slow("expressions")

#: Python 3.10 has them elsewhere, without what the walk below knows.
sre = pytest.importorskip("re._constants")
sre_parser = pytest.importorskip("re._parser")
ROOT = Path(ckanext.ecosphere.__file__).parent
LONG = 50_000
MOST_SECONDS = 0.2
#: Length, and seconds of processor time up to which no longer text is tried. What takes
#: `MOST_SECONDS` at the full length with quadratic growth takes 0.08 ms at the first length and 2
#: ms at the second.
STEPS = ((1_000, 0.00007), (5_000, 0.0015))
#: Fraction of `MOST_SECONDS` up to which the time extrapolated from two steps is trusted.
BELIEVED = 0.25
GIVEN_UP = 0.5  # seconds of processor time
REPEATED = {"sub", "subn", "split", "findall", "finditer"}
CALLS = {"search", "match", "fullmatch", *REPEATED}
#: Text of modules with calls of these methods; walking the syntax trees of the others takes seconds
#: per test process.
MAY_CALL = re.compile(rf"\.\s*(?:compile|{'|'.join(sorted(CALLS))})\b")
SUFFIXES = ("", "!", "\x00", "\n", "a", "1", " ")
PLAIN = "aZ5 \n\t'\"<>[](){}.@-_,;:/\\&#%*+=?!|$~^`é\u00a0"
#: Expressions built by functions: module → results of these functions.
MADE = {
    "dataset.links": lambda: [
        [sign.pattern for sign in links.signs()],
        *(links.protocol_patterns(where) for where in ("protocol", "url", "operation", "kind")),
    ],
    "harvest.normalise.constraints": lambda: [
        draft.patterns(name)
        for name in ("access-texts", "access-reserved", "licence-texts", "licence-urls")
    ],
    "harvest.normalise.information": lambda: [draft.patterns("information-subjects")],
    "schemas.importing.addresses": lambda: [
        [pattern for _use, pattern, _template in addresses._patterns()]
    ],
}
#: Calls whose expression contains a local name, with expressions as built there.
WITH_LOCAL_NAMES = {
    "access.take.extracts": [rb"<(?:[\w.-]{1,60}:)?featureMember[\s>]"],
    "data_requests.decisions.law": [r"\b(?:medica|etat\ de\ sante)"],
    "harvest.iso.xml": [rb"[</\s]gmd:"],
    "schemas.hvd": [r"\b(?:cadastr|plan d eau)"],
    "schemas.indexing": [r'"issued": "(\d{4}(?:-\d{2})?)"'],
    "search.solr_schema": [r"(?:^| )_(?: |$)"],
    "search.facets": [r'(?:^|(?<=[\s"]))res_format: ?"SHP"'],
    "search.relevance.spelling": [r"(?<!\w)humyde(?!\w)", r"qualité\W+(?:\w{1,3}\W+){0,3}aire"],
    "search.relevance.search": [r"restriction\W+(?:\w{1,4}\W+){0,3}eau"],
    "schemas.logic.validators": [],  # OPEN_PATTERNS is read from the names of the module
    "harvest.normalise.constraints": [],  # MADE
    "harvest.normalise.draft": [],  # patterns of the tables: MADE by those who use them
    "harvest.normalise.information": [],  # MADE
    "schemas.importing.addresses": [],  # MADE
    "dataset.links": [],  # MADE
}
#: Module → length to which it cuts texts before matching them.
CUT_BEFORE: dict[str, int] = {
    "harvest.messages": 2_000,
    "harvest.normalise.information": 30_000,
    "schemas.importing.addresses": urls.MAX_LENGTH,
    "dataset.links": links.LONGEST_URL,
    "dataset.services": services.LONGEST_URL,
    "schemas.page": links.LONGEST_URL,
}


@dataclass(frozen=True)
class Used:
    """An expression, the module that contains it, and the methods called on it."""

    pattern: str | bytes
    flags: int
    module: str
    methods: frozenset[str]


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "tests" not in parts and "migration" not in parts and parts[-1] != "conftest":
            yield ".".join(parts).removesuffix(".__init__"), path


def _patterns_in(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping) and depth < 3 and len(value) < 1_000:
        for each in [*value.keys(), *value.values()]:
            yield from _patterns_in(each, depth + 1)
    elif isinstance(value, (tuple, list, set, frozenset)) and depth < 3 and len(value) < 1_000:
        for each in value:
            yield from _patterns_in(each, depth + 1)


def collect() -> list[Used]:
    """Return every expression of the package: those in names of modules,
    and those in calls of functions of `re`.
    """
    found: dict[tuple[Any, int, str], set[str]] = {}
    texts = {name: path.read_text("utf-8") for name, path in _modules()}
    trees = {name: parsed(text if MAY_CALL.search(text) else "") for name, text in texts.items()}
    called = _methods_by_name(trees.values())
    for name, tree in trees.items():
        module = importlib.import_module(f"ckanext.ecosphere.{name}".removesuffix("."))
        for key, value in list(vars(module).items()):
            for pattern in _patterns_in(value):
                methods = (
                    (_own_methods(tree, key) or called.get(key))
                    if isinstance(value, re.Pattern)
                    else None
                )
                found.setdefault((pattern.pattern, pattern.flags, name), set()).update(
                    methods or CALLS
                )
            if key == "OPEN_PATTERNS":
                for text in value.values():
                    found.setdefault((text, 0, name), set()).add("fullmatch")
        for made in MADE.get(name, list)():
            for pattern in _patterns_in(made):
                found.setdefault((pattern.pattern, pattern.flags, name), set()).update(CALLS)
        for text in WITH_LOCAL_NAMES.get(name, ()):
            found.setdefault((text, 0, name), set()).update({"search", "split"})
        for function, argument in _calls(tree):
            try:
                text = eval(compile(ast.Expression(argument), name, "eval"), vars(module))
            except NameError:
                assert name in WITH_LOCAL_NAMES, (
                    f"{name}: an expression with a local name is in no table of this test"
                )
                continue
            if isinstance(text, (str, bytes)):
                found.setdefault((text, 0, name), set()).add(
                    "search" if function == "compile" else function
                )
    return [
        Used(text, flags, name, frozenset(methods))
        for (text, flags, name), methods in found.items()
    ]


def _methods_by_name(trees: Any) -> dict[str, set[str]]:
    """Return name of a variable → methods called on it anywhere in the package."""
    called: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in CALLS:
                value = node.value
                key = (
                    value.id
                    if isinstance(value, ast.Name)
                    else value.attr
                    if isinstance(value, ast.Attribute)
                    else ""
                )
                called.setdefault(key, set()).add(node.attr)
    return called


def _own_methods(tree: ast.AST, name: str) -> set[str]:
    """Return the methods called on a private name of a module, if it has no other use there."""
    if not name.startswith("_"):
        return set()
    read = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
    ]
    calls = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in CALLS
        and getattr(node.value, "id", "") == name
    ]
    return set(calls) if len(calls) == len(read) else set()


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    waiting = deque([(tree, False)])
    while waiting:
        node, within = waiting.popleft()
        within_inner = within or isinstance(node, (ast.FunctionDef, ast.Lambda))
        waiting.extend((inner, within_inner) for inner in ast.iter_child_nodes(node))
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, owner = node.func.attr, node.func.value
        # Expressions compiled at the top of a module are found among its names.
        wanted = name in CALLS or (name == "compile" and within)
        if wanted and isinstance(owner, ast.Name) and owner.id == "re":
            yield name, node.args[0]


# --- difficult texts for an expression -----------------------------------------------------------


def _example(items: Any) -> str:
    """Return a short text that a parsed expression matches,
    with one repetition of each optional part.
    """
    return "".join(_example_of(op, argument) for op, argument in items)


def _example_of(op: Any, argument: Any) -> str:  # noqa: PLR0911 - one line for each kind of node
    if op is sre.LITERAL:
        return chr(argument)
    if op is sre.NOT_LITERAL:
        return "b" if argument != ord("b") else "c"
    if op is sre.ANY:
        return "a"
    if op is sre.IN:
        return _of_class(argument)
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        low, high, inner = argument
        return _example(inner) * min(max(low, 1), high, 200)
    if op is sre.SUBPATTERN:
        return _example(argument[-1])
    if op is sre.ATOMIC_GROUP:
        return _example(argument)
    if op is sre.BRANCH:
        return _example(argument[1][0])
    return ""


_CATEGORIES = {
    sre.CATEGORY_DIGIT: "1", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "a",
    sre.CATEGORY_NOT_DIGIT: "a", sre.CATEGORY_NOT_SPACE: "a", sre.CATEGORY_NOT_WORD: "-",
}  # fmt: skip


def _of_class(members: Any) -> str:
    if members[0][0] is sre.NEGATE:
        excluded = re.compile(
            "[" + "".join(f"\\u{ord(char):04x}" for char in _characters(members[1:])) + "]"
        )
        return next(char for char in "ab1 -.:/é§" if not excluded.match(char))
    return _characters(members)[0]


def _characters(members: Any) -> list[str]:
    found: list[str] = []
    for op, argument in members:
        if op is sre.LITERAL:
            found.append(chr(argument))
        elif op is sre.RANGE:
            found += [chr(argument[0]), chr(argument[1])]
        elif op is sre.CATEGORY:
            found.append(_CATEGORIES[argument])
    return found or ["a"]


def _walk(items: Any, before: str, hard: set[tuple[str, str]], named: dict[str, None]) -> str:
    """Collect (beginning, unit to repeat) for each unbounded repetition, and the characters used.

    Return an example.
    """
    for op, argument in items:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            inner = argument[2]
            if argument[1] > 50:
                for unit in {_example(inner), *_units(inner)}:
                    hard.add((before, unit))
            _walk(inner, before, hard, named)
        elif op is sre.SUBPATTERN:
            _walk(argument[-1], before, hard, named)
        elif op is sre.ATOMIC_GROUP:
            _walk(argument, before, hard, named)
        elif op is sre.BRANCH:
            for branch in argument[1]:
                named[_example(branch)] = None
                _walk(branch, before, hard, named)
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            _walk(argument[1], before, hard, named)
        elif op is sre.LITERAL:
            named[chr(argument)] = None
        elif op is sre.IN:
            named.update(
                dict.fromkeys(_characters([each for each in argument if each[0] is not sre.NEGATE]))
            )
        before += _example_of(op, argument)
    return before


def _units(items: Any) -> list[str]:
    """Return the characters that a repeated part may consist of."""
    if len(items) == 1 and items[0][0] is sre.IN:
        members = items[0][1]
        return [_of_class(members)] if members[0][0] is sre.NEGATE else _characters(members)[:6]
    return []


def hard_texts(pattern: str | bytes, flags: int) -> Iterator[tuple[str, str]]:
    """Yield beginnings, and the unit to repeat after each."""
    source = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    hard: set[tuple[str, str]] = set()
    named: dict[str, None] = {}
    whole = _walk(sre_parser.parse(source, flags & ~re.UNICODE), "", hard, named)
    yield from hard
    units = [unit for unit in named if unit][:14]
    yield from (("", unit) for unit in dict.fromkeys([*units, *PLAIN, whole]) if unit)
    yield from (("", one + other) for one in units for other in units if one != other)
    yield from ((whole, unit) for unit in units)
    # Repeated beginnings: at each of them, a search may go far.
    yield from (("", before + unit) for before, unit in hard)
    yield from (("", before + unit * 20) for before, unit in hard)


@contextmanager
def _giving_up() -> Iterator[None]:
    """Interrupt what takes too long with an alarm."""

    def stop(*_: Any) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGVTALRM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGVTALRM, former)


def seconds(compiled: re.Pattern[Any], method: str, text: str | bytes) -> float:
    """Return the processor time of one call, within `_giving_up`.

    Measured for the thread, since the alarm makes the kernel count that of the process in steps of
    four milliseconds.
    """
    start = time.thread_time()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, GIVEN_UP)
        try:
            if method in REPEATED:
                for _ in compiled.finditer(text):
                    pass
            else:
                getattr(compiled, method)(text)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except TimeoutError:
        return GIVEN_UP
    return time.thread_time() - start


def slow_on(used: Used) -> list[str]:
    """Return the texts that take too long."""
    return _slow_on(
        used.pattern, used.flags, _hardest(used.methods), CUT_BEFORE.get(used.module, LONG)
    )


def _hardest(methods: frozenset[str]) -> frozenset[str]:
    """Leave out methods that do only a part of another one's work.

    A search begins with an attempt to match, and methods that go through all matches begin with a
    search.
    """
    if methods & REPEATED:
        return methods - REPEATED - {"search", "match"} | {"finditer"}
    return methods - {"match"} if "search" in methods else methods


@cache
def _slow_on(pattern: str | bytes, flags: int, methods: frozenset[str], longest: int) -> list[str]:
    compiled: Any = re.compile(pattern, flags)
    with _giving_up():
        for before, unit in dict.fromkeys(hard_texts(pattern, flags)):
            for suffix in SUFFIXES:
                for method in methods:
                    taken = _taken(compiled, method, (before, unit, suffix), longest)
                    if taken > MOST_SECONDS:
                        return [
                            f"{method}: {before[:30]!r} + {unit[:30]!r} * n + {suffix!r}: {taken:.2f} s"
                        ]
    return []


def _taken(compiled: Any, method: str, parts: tuple[str, str, str], longest: int) -> float:
    """Return the processor time with a text of full length,
    or 0 if a shorter one shows that it takes little.
    """
    before: tuple[int, float] | None = None
    for length, suspect in STEPS:
        if length < longest:
            taken = seconds(compiled, method, _text(compiled, parts, length))
            if taken <= suspect or (
                before and _expected(before, (length, taken), longest) < MOST_SECONDS * BELIEVED
            ):
                return 0
            before = (length, taken)
    text = _text(compiled, parts, longest)
    taken = seconds(compiled, method, text)
    # The first measurement may have been disturbed by other work.
    return min(taken, seconds(compiled, method, text)) if MOST_SECONDS < taken < GIVEN_UP else taken


def _expected(one: tuple[int, float], other: tuple[int, float], longest: int) -> float:
    """Extrapolate the time for a length from those for two shorter lengths,
    as a power of the length.
    """
    power = math.log(other[1] / one[1]) / math.log(other[0] / one[0])
    return other[1] * (longest / other[0]) ** max(power, 1)


def _text(compiled: Any, parts: tuple[str, str, str], length: int) -> Any:
    before, unit, suffix = parts
    text = before + unit * (length // len(unit)) + suffix
    return text.encode("utf-8", "replace") if isinstance(compiled.pattern, bytes) else text


SLOW = [
    r"[^@\s]+@[^@\s]+\.[^@\s.]+", r"\s+$", r"[a-z]+\d", r"\(.*\)", r"(\d+)-(\d+)$",
    # Fast unless its beginning is repeated many times.
    r"/services/[^&]+/\d+server",
]  # fmt: skip


@pytest.mark.parametrize("pattern", SLOW)
def test_slow_expression_is_found(pattern: str) -> None:
    assert slow_on(Used(pattern, 0, "", frozenset({"search"})))


def test_quick_expression_is_not_called_slow() -> None:
    assert not slow_on(Used(r"[a-z]{1,10}", 0, "", frozenset({"search"})))


def test_time_of_every_expression_is_linear() -> None:
    # One test: to find the expressions takes seconds, which each process of the tests would spend
    # to name them.
    used = collect()
    assert used
    slow = {f"{each.module}: {each.pattern!r}": slow_on(each) for each in used}
    assert {name: texts for name, texts in slow.items() if texts} == {}

"""Judged queries: what users type and which datasets should answer, to evaluate changes of the search.

Expected datasets are given by name, or by words of their titles. The package brings queries of the second kind
(`data/judged_fr.csv`), valid for any catalogue; administrators add their own, also as a CSV file.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search.lists import changes
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.shared import characters, csv_table, formulas
from ckanext.ecosphere.vocabularies import local, tables

JUDGED = changes.JUDGED
COLUMNS = ("question", "datasets", "words")
MOST = 100
MOST_DATASETS = 20
LONGEST_QUESTION = 200
LARGEST_FILE = 300_000
"""Maximum size of a file of queries, in bytes."""
MOST_TOLD = 5
"""Maximum number of reported errors of a file."""
DEPTH = 10
_REST = "rest"
_NAME = re.compile(r"(?:.{0,2000}/dataset/)?([\w-]{2,100})/?(?:[?#].{0,500})?")


@dataclass(frozen=True)
class Question:
    """A judged query.

    Attributes:
        text: the query, as typed.
        datasets: names of the datasets that answer it.
        titles: stems of expressions; a dataset whose title has all stems of one of them answers it.
        own: whether it was judged by administrators of this portal.
    """

    text: str
    datasets: frozenset[str]
    titles: tuple[frozenset[str], ...]
    own: bool

    def answers(self, name: str, title: str) -> bool:
        """Return whether a dataset answers the query."""
        stems = {word.stem for word in words.read_all(title)} if self.titles else set[str]()
        return name in self.datasets or any(each <= stems for each in self.titles)


def every() -> dict[str, Question]:
    """Return the judged queries by text: this portal's own, then those of the package that it has not judged itself."""
    own = [_question(value["question"], value, own=True) for value in local.of(JUDGED).values()]
    judged = {voc.normalise(each.text) for each in own}
    brought = [each for each in packaged() if voc.normalise(each.text) not in judged]
    return {each.text: each for each in (*own, *brought)}


@cache
def packaged() -> tuple[Question, ...]:
    """Questions of the package."""
    return tuple(
        _question(row["question"], {"words": [part.strip() for part in row["words"].split(";")]}, own=False)
        for row in tables.rows(words.DATA / "judged_fr.csv")
    )


def gains(question: Question, *answers: list[dict[str, str]]) -> list[float] | None:
    """Return the NDCG@10 of lists of results for a query; None if nothing here answers it.

    Binary gains (Järvelin and Kekäläinen, 2002). For expected words in titles, the relevant datasets are those found by
    at least one of the lists, as in TREC pooling: a list that misses what another one finds scores worse.

    Args:
        question: the query.
        answers: lists of results, each with `name` and `title`.
    """
    right = set(question.datasets)
    right |= {each["name"] for found in answers for each in found if question.answers(each["name"], each["title"])}
    return [ndcg([each["name"] for each in found], right) for found in answers] if right else None


def ndcg(names: list[str], wanted: Iterable[str]) -> float:
    """Return the normalised discounted cumulative gain of the first ten results, 0 to 1.

    >>> ndcg(["a", "b"], ["a"]), round(ndcg(["b", "a"], ["a"]), 3)
    (1.0, 0.631)
    """
    right = set(wanted)
    gain = sum(1 / math.log2(rank + 2) for rank, name in enumerate(names[:DEPTH]) if name in right)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(len(right), DEPTH)))
    return gain / ideal if ideal else 0.0


def read(form: Mapping[str, str]) -> dict[str, Any]:
    """Return a submitted query, ready to store.

    Args:
        form: `question`, `datasets` (URLs or names, separated by spaces), `words` (by line breaks or semicolons).

    Raises:
        ValidationError: errors by field.
    """
    errors: dict[str, list[str]] = {}
    question = characters.one_line(form.get("question", "")[: LONGEST_QUESTION * 4])
    if not voc.normalise(question):
        errors["question"] = [tk._("Give the words that people type.")]
    elif len(question) > LONGEST_QUESTION:
        errors["question"] = [tk._("Too long: {number} characters at most.").format(number=LONGEST_QUESTION)]
    given = form.get("datasets", "")[:20_000].split()
    names = [found[1] if (found := _NAME.fullmatch(each[:2_500])) else "" for each in given[: MOST_DATASETS + 1]]
    titles = changes.terms(form["words"], "words", errors) if form.get("words", "").strip() else []
    if len(given) > MOST_DATASETS or (not given and not titles and "words" not in errors):
        message = tk._("Give the addresses of 1 to {number} datasets, or words of their titles.")
        errors["datasets"] = [message.format(number=MOST_DATASETS)]
    elif missing := [given[rank] for rank, name in enumerate(names) if not _is_public(name)]:
        errors["datasets"] = [tk._("There is no public dataset {name}.").format(name=missing[0][:120])]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    return {"question": question, "datasets": list(dict.fromkeys(names)), "words": titles}


def key_for(value: Mapping[str, Any]) -> str:
    """Return the key of a stored query with the same text, else a new key.

    Raises:
        ValidationError: the maximum number of queries is reached.
    """
    known = local.of(JUDGED)
    asked = voc.normalise(value["question"])
    key = next((key for key, each in known.items() if voc.normalise(each["question"]) == asked), None)
    if key is None and len(known) >= MOST:
        raise tk.ValidationError({"question": [_too_many()]})  # pyright: ignore[reportArgumentType]
    return key or changes.new_key()


def write_table() -> str:
    """Return the queries of this portal as CSV."""
    rows = ((v["question"], " ".join(v["datasets"]), " ; ".join(v.get("words", ()))) for v in local.of(JUDGED).values())
    return csv_table.write(COLUMNS, rows)


def read_table(content: bytes) -> list[dict[str, Any]]:
    """Parse a CSV file of queries, as written by `write_table` or saved by a spreadsheet.

    Args:
        content: in UTF-8 or Windows-1252 (French spreadsheets), separated by commas or semicolons.

    Returns:
        queries ready to store, the last one of each text.

    Raises:
        ValidationError: under `file`, a message for each of the first invalid lines.
    """
    if len(content) > LARGEST_FILE:
        _refuse(tk._("The file is too large: {number} kB at most.").format(number=LARGEST_FILE // 1000))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    found: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    try:
        rows = csv.DictReader(io.StringIO(text.replace("\0", "")), restkey=_REST, delimiter=delimiter)
        if not {"question"} < set(rows.fieldnames or ()) <= set(COLUMNS):
            _refuse(tk._("The first line of the file names its columns: {names}.").format(names=", ".join(COLUMNS)))
        for row in rows:
            cells = {name: formulas.unmarked(row.get(name) or "") for name in COLUMNS}
            # Unquoted expressions separated by semicolons, in the last column of a file with semicolons.
            cells["words"] = ";".join([cells["words"], *(row.get(_REST) or ())])
            if any(cell.strip(" ;") for cell in cells.values()):
                try:
                    value = read(cells)
                    found[voc.normalise(value["question"])] = value
                except tk.ValidationError as error:
                    problem = " ".join(sentences(error))
                    problems.append(tk._("Line {number}: {problem}").format(number=rows.line_num, problem=problem))
            if len(problems) >= MOST_TOLD or len(found) > MOST:
                break
    except csv.Error:
        _refuse(tk._("The file is no table of CSV."))
    known = {voc.normalise(each["question"]) for each in local.of(JUDGED).values()}
    if len(known | found.keys()) > MOST:
        problems.append(_too_many())
    if problems or not found:
        _refuse(*(problems or [tk._("The file has no question.")]))
    return list(found.values())


def sentences(error: tk.ValidationError) -> list[str]:
    """Return all error messages, without fields."""
    told: Any = error.error_dict
    return [sentence for each in told.values() for sentence in each]


def _question(text: str, value: Mapping[str, Any], *, own: bool) -> Question:
    titles = (frozenset(words.key_of(each).split()) for each in value.get("words", ()))
    return Question(text, frozenset(value.get("datasets", ())), tuple(filter(None, titles)), own)


def _is_public(name: str) -> bool:
    package = model.Package.get(name) if name else None
    return package is not None and package.state == "active" and not package.private and package.type == "dataset"


def _too_many() -> str:
    return tk._("There are {number} questions at most: take one away first.").format(number=MOST)


def _refuse(*sentences: str) -> Iterator[None]:
    raise tk.ValidationError({"file": list(sentences)})  # pyright: ignore[reportArgumentType]

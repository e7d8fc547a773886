"""Labelled image files: the class is the folder's name, or stands in a table."""

from __future__ import annotations

import csv
import difflib
import hashlib
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path

from ca_deploy.errors import UserError
from ca_deploy.images.decoding import BrokenImageError, decode
from ca_deploy.images.labelled import LabelledImage
from ca_deploy.images.loading import Skipped, find_images, in_order
from ca_deploy.images.preprocessing import Preprocessing, resize_and_crop

_COLUMNS = ("path", "label")


class LabelledFiles:
    """Image files with their classes; implements `LabelledImages`.

    Attributes:
        labels: names of the classes in the order of their numbers.
    """

    def __init__(self, files: Sequence[tuple[Path, int]], labels: tuple[str, ...] | None) -> None:
        self._files = files
        self.labels = labels

    @classmethod
    def of_folders(cls, folder: Path, labels: tuple[str, ...] | None) -> LabelledFiles:
        """Every image in `folder`/LABEL and the folders in it.

        Raises:
            UserError: when there are no such folders or images, or one has the name of no class.
        """
        folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
        if not folders:
            raise UserError(f"{folder}: holds no folders; --data takes a folder with one folder per class")
        names = tuple(path.name for path in folders) if labels is None else labels
        number = _numbers(names, "; one folder per class is expected")
        numbered = [(path, number(path.name, str(path))) for path in folders]
        files = [(image, label) for path, label in numbered for image in find_images(path)]
        if not files:
            raise UserError(f"{folder}: no JPEG, PNG or WebP images in the folders in it")
        return cls(files, names)

    @classmethod
    def of_table(cls, table: Path, labels: tuple[str, ...] | None) -> LabelledFiles:
        """The files that a CSV names in its column `path`, relative to it, with their `label`.

        A label is a class's name or, where no class is called so, its number from 0.

        Raises:
            UserError: when the table cannot be used; with the line that is wrong.
        """
        rows = _rows(table)
        if labels is None and not all(label.isdecimal() for _, _, label in rows):
            labels = tuple(sorted({label for _, _, label in rows}))
        number = _numbers(labels)
        files = []
        for line, name, label in rows:
            path = table.parent / name
            if not path.is_file():
                raise UserError(f"{table}, line {line}: there is no file {path}; correct or remove the line")
            files.append((path, number(label, f"{table}, line {line}")))
        return cls(files, labels)

    def __len__(self) -> int:
        return len(self._files)

    def stream(self, spec: Preprocessing) -> Generator[LabelledImage | Skipped]:
        """Decode the files in order on a few threads; see `LabelledImages.stream`."""
        return in_order(partial(_load, spec=spec), self._files)


def _load(file: tuple[Path, int], spec: Preprocessing) -> LabelledImage | Skipped:
    path, label = file
    try:
        with path.open("rb") as content:
            identity = hashlib.file_digest(content, "sha256").hexdigest()
        return LabelledImage(identity, label, resize_and_crop(decode(path), spec))
    except BrokenImageError as error:
        return Skipped(str(path), error.reason)
    except OSError as error:
        return Skipped(str(path), error.strerror or "cannot be read")


def _numbers(labels: tuple[str, ...] | None, expected: str = "") -> Callable[[str, str], int]:
    """What gives the number of a class by its name; with None, names are numbers.

    Args:
        labels: names of the classes.
        expected: the end of the message about a name that is none of them.
    """
    known = {name: number for number, name in enumerate(labels or ())}

    def number(name: str, where: str) -> int:
        if name in known:
            return known[name]
        if name.isdecimal() and (labels is None or int(name) < len(labels)):
            return int(name)
        close = difflib.get_close_matches(name.casefold(), map(str.casefold, known), n=1, cutoff=0.6)
        meant = next((f" (did you mean '{label}'?)" for label in known if label.casefold() in close), "")
        listed = ", ".join(list(known)[:10]) + (", ..." if len(known) > 10 else "")
        raise UserError(
            f"{where}: '{name}' is none of the recipe's labels{meant}; they are: {listed}{expected}"
        )

    return number


def _rows(table: Path) -> list[tuple[int, str, str]]:
    """Line number, path and label of each row."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise UserError(f"{table}: its first line must be path,label; '{missing[0]}' is missing")
            rows = [(reader.line_num, row["path"] or "", row["label"] or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as CSV ({error})") from error
    if not rows:
        raise UserError(f"{table}: names no images; give one per line as path,label")
    return rows

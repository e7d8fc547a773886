"""A folder of image files, nested as it likes, and the tables that say which show one photograph."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ca_deploy.errors import UserError
from ca_deploy.images.loading import Skipped, find_images, in_order, load_pixels
from ca_deploy.images.preprocessing import Preprocessing
from ca_deploy.images.source import Candidate, Pixels
from ca_deploy.progress import Progress

SOURCES_TABLE = "sources.csv"


class ImageFolder:
    """The images in a folder; implements `ImageSource`.

    A `sources.csv` in it, or in a folder in it, puts files into groups: columns `file` (relative to the
    table) and `group`; others are for people.
    """

    def __init__(self, folder: Path) -> None:
        """Find the images.

        Raises:
            UserError: when there are none, or a `sources.csv` cannot be used.
        """
        self._folder = folder
        self._paths = find_images(folder)
        if not self._paths:
            raise UserError(
                f"{folder}: no JPEG, PNG or WebP images in this folder or its subfolders; name one that has"
            )
        self._groups = _read_groups(folder, self._paths)

    def candidates(self, progress: Progress) -> tuple[list[Candidate], list[Skipped]]:
        """Hash every file; copies of one content are one candidate."""
        skipped: list[Skipped] = []
        copies: dict[str, list[int]] = {}
        tracked = progress.track(self._paths, len(self._paths), "files read")
        for index, digest in enumerate(in_order(_digest, tracked)):
            if isinstance(digest, Skipped):
                skipped.append(digest)
            else:
                copies.setdefault(digest, []).append(index)
        return [self._candidate(identity, indices) for identity, indices in copies.items()], skipped

    def _candidate(self, identity: str, indices: list[int]) -> Candidate:
        paths = [self._paths[index] for index in indices]
        group = next((self._groups[path] for path in paths if path in self._groups), None)
        return Candidate(identity, group, tuple(map(str, paths)), indices[0])

    def take(
        self, candidates: Sequence[Candidate], wanted: int, spec: Preprocessing, progress: Progress
    ) -> tuple[list[tuple[Candidate, Pixels]], list[Skipped]]:
        """Decode candidates in order until `wanted` of them were good."""
        taken: list[tuple[Candidate, Pixels]] = []
        skipped: list[Skipped] = []
        tracked = progress.track(candidates, min(wanted, len(candidates)), "images decoded")
        with closing(load_pixels((self._paths[c.index] for c in tracked), spec)) as results:
            for candidate, result in zip(candidates, results, strict=False):
                if isinstance(result, Skipped):
                    skipped += [Skipped(place, result.reason) for place in candidate.places]
                else:
                    taken.append((candidate, result))
                if len(taken) == wanted:
                    break
        return taken, skipped


def _digest(path: Path) -> str | Skipped:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Skipped(str(path), error.strerror or "cannot be read")


def _read_groups(folder: Path, paths: Sequence[Path]) -> dict[Path, str]:
    """The group of each file that some `sources.csv` names."""
    known = set(paths)
    groups: dict[Path, str] = {}
    for table in sorted(folder.rglob(SOURCES_TABLE)):
        for line, file, group in _rows(table):
            path = table.parent / file
            if path not in known:
                raise UserError(
                    f"{table}, line {line}: there is no image '{file}'; correct or remove the line"
                )
            if group:
                groups[path] = group
    return groups


def _rows(table: Path) -> list[tuple[int, str, str]]:
    """Line number, `file` and `group` of each row."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.DictReader(text, strict=True)
            return [(rows.line_num, row["file"] or "", row["group"] or "") for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as CSV ({error}); correct or remove it") from error
    except KeyError as error:
        raise UserError(f"{table}: the column {error} is missing; it needs 'file' and 'group'") from error

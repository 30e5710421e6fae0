"""A shard of a step's files, which goes on where an interrupted job was."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

from wsss.manifests.rows import ManifestRow, is_whole, row_of, write_rows
from wsss.stores.journal import add_to_journal, journal_of, read_journal

# The types of the cells of a row in the journal.
ROW = [str, str, int, str]


class Shard:
    """The files of a shard while they are written.

    What an interrupted job has finished is kept if `allow_continuing` has found that it is the same job.

    Parameters
    ----------
    ids : Sequence[str]
        The images of the shard.
    file_of : Callable[[str], str]
        The path of an image's file, relative to `folder`.
    folder : Path
        The stage's folder.
    manifest : Path
        The manifest, which `finish` writes.
    """

    def __init__(self, ids: Sequence[str], file_of: Callable[[str], str], folder: Path, manifest: Path) -> None:
        self._ids, self._file_of, self._folder, self._manifest = ids, file_of, folder, manifest
        self._journal = journal_of(manifest)
        # Only jobs of the workflow have a journal, because only there it is known what the files depend on.
        self._is_kept = self._journal.exists()
        self._rows = {row.id: row for row in self._finished() if is_whole(row, folder)}

    def left(self) -> list[str]:
        """The images whose files must be made, in their order."""
        return [image_id for image_id in self._ids if image_id not in self._rows]

    def add(self, image_id: str) -> None:
        """Note that the file of an image is complete."""
        row = self._rows[image_id] = row_of(image_id, self._file_of(image_id), self._folder)
        if self._is_kept:
            add_to_journal(self._journal, astuple(row))

    def finish(self) -> None:
        """Write the manifest, with the images in their order."""
        write_rows(self._manifest, [self._rows[image_id] for image_id in self._ids])
        self._journal.unlink(missing_ok=True)

    def _finished(self) -> Iterator[ManifestRow]:
        wanted = {image_id: self._file_of(image_id) for image_id in self._ids}
        for row in read_journal(self._journal)[1]:
            if isinstance(row, list) and [*map(type, row)] == ROW and wanted.get(row[0]) == row[1]:
                yield ManifestRow(*row)

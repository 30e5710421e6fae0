"""The files of the images of a stage, opened through the manifest that lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from wsss.errors import WsssError
from wsss.manifests.checking import checked_content
from wsss.manifests.making_again import making_again
from wsss.manifests.rows import ManifestRow, read_manifest


@dataclass(frozen=True)
class ListedFiles:
    """One file for each image. Each is compared with its sum when it is opened.

    Parameters
    ----------
    manifest : Path
        The manifest of a split, <stage>/<split>.tsv, or of a shard, <stage>/shards/<split>/<shard>.tsv.
    """

    manifest: Path

    @cached_property
    def folder(self) -> Path:
        """The folder of the stage, which the files' paths are relative to."""
        return folder_of(self.manifest)

    @cached_property
    def rows(self) -> Mapping[str, ManifestRow]:
        """The rows by image."""
        return {row.id: row for row in read_manifest(self.manifest)}

    def path(self, image_id: str) -> Path:
        """The file of an image.

        Parameters
        ----------
        image_id : str
            The image.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        WsssError
            If the manifest does not list the image.
        """
        if image_id not in self.rows:
            raise WsssError(f"{self.manifest} does not list {image_id}; {making_again(*self.sources(image_id))}")
        return self.folder / self.rows[image_id].file

    def content(self, image_id: str, what: str) -> bytes:
        """The content of the file of an image.

        Parameters
        ----------
        image_id : str
            The image.
        what : str
            What the file is, for messages.

        Returns
        -------
        bytes
            What was written when the manifest was.

        Raises
        ------
        WsssError
            If the file is missing or has another sum, or the manifest does not list the image.
        """
        path, digest = self.path(image_id), self.rows[image_id].sha256
        try:
            return checked_content(path, digest, what, "")
        except WsssError as error:
            # Which shard to make again is looked up only when it is needed.
            raise WsssError(f"{error}{making_again(*self.sources(image_id))}") from None

    def sources(self, image_id: str) -> list[Path]:
        """The manifests of the shards that list an image, which are what makes its file again; else this manifest."""
        name = self.manifest.stem if self.manifest.parent.parent.name != "shards" else self.manifest.parent.name
        shards = sorted((self.folder / "shards" / name).glob("*.tsv"))
        start = f"\n{image_id}\t".encode()
        return [path for path in shards if start in path.read_bytes()] or [self.manifest]


def folder_of(manifest: Path) -> Path:
    """The folder of a stage, from <folder>/<split>.tsv or <folder>/shards/<split>/<shard>.tsv of a shard."""
    return manifest.parents[2] if manifest.parents[1].name == "shards" else manifest.parent

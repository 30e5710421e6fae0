"""What smooths labels along the edges of a photograph: one of several methods, told apart by `method`."""

from typing import Annotated

from pydantic import Field

from wsss.settings.crf import CrfSettings
from wsss.settings.pamr import PamrSettings

SmoothingSettings = Annotated[CrfSettings | PamrSettings, Field(discriminator="method")]

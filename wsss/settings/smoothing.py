"""Settings of the methods that fit labels to the edges of a photograph. `method` chooses one."""

from typing import Annotated

from pydantic import Field

from wsss.settings.crf import CrfSettings
from wsss.settings.pamr import PamrSettings

SmoothingSettings = Annotated[CrfSettings | PamrSettings, Field(discriminator="method")]

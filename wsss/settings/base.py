"""The base of all settings: unknown keys are refused, and what differs from the defaults gives the path segment."""

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from wsss.errors import WsssError


class Settings(BaseModel):
    """Settings of one stage. Frozen; unknown keys, wrong types and impossible values are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def key(self) -> str:
        """Canonical JSON of what differs from the defaults: a new option with a default moves no artifact."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)

    def complete(self) -> str:
        """JSON of every setting, keys sorted."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def read(cls, where: str, values: Mapping[str, Any]) -> Self:
        """Settings from plain values. Raises WsssError naming the key under `where`, the value and what is allowed."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise WsssError(explain(where, cls, error)) from None


def explain(where: str, model: type[BaseModel], error: ValidationError) -> str:
    """One line a mistake: the key's full name, the value it has and what is allowed."""
    lines = []
    for mistake in error.errors():
        place = [str(part) for part in mistake["loc"]]
        name = ".".join(filter(None, [where, *place]))
        if mistake["type"] == "extra_forbidden":
            allowed = ", ".join(_fields_at(model, place[:-1]))
            lines.append(f"config: unknown key {name}; allowed here: {allowed}")
        elif mistake["type"] == "missing":
            lines.append(f"config: {name} is missing")
        else:
            lines.append(f"config: {name} = {mistake['input']!r}: {mistake['msg']}")
    return "\n".join(lines)


def _fields_at(model: type[BaseModel], place: list[str]) -> list[str]:
    for part in place:
        field = model.model_fields.get(part)
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return list(model.model_fields)

"""The base of all settings: unknown keys are refused, and what differs from the defaults gives the path segment."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from wsss.errors import WsssError


class Settings(BaseModel):
    """Settings of one stage. Frozen; unknown keys, wrong types and impossible values are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _complete_blocks(cls, values: Any) -> Any:
        """A block that is given in part keeps what this stage has for the rest of it, not the defaults of its class."""
        if not isinstance(values, Mapping):
            return values
        blocks = {
            name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Settings)
        }
        given = {name: values[name] for name in blocks if isinstance(values.get(name), Mapping)}
        return {**values, **{name: {**blocks[name].model_dump(), **block} for name, block in given.items()}}

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
        keys, allowed = _resolve(model, mistake["loc"])
        name = ".".join(filter(None, [where, *keys]))
        if mistake["type"] == "extra_forbidden":
            lines.append(f"config: unknown key {name}; allowed here: {', '.join(allowed)}")
        elif mistake["type"] == "missing":
            lines.append(f"config: {name} is missing")
        elif mistake["type"] == "value_error":
            # A check of ours, over several keys: it names them and their values itself.
            lines.append(": ".join(filter(None, ["config", name, str(mistake["ctx"]["error"])])))
        else:
            lines.append(f"config: {name} = {mistake['input']!r}: {mistake['msg']}")
    return "\n".join(lines)


def _resolve(model: type[BaseModel], location: Iterable[int | str]) -> tuple[list[str], list[str]]:
    """Names of the keys that lead to a mistake, and what the last of them may be.

    Where settings are of one of several kinds, the location names the kind too, which is no key.
    """
    keys: list[str] = []
    owner: type[BaseModel] | None = None
    candidates = [model]
    for part in location:
        if len(candidates) > 1:
            candidates = [one for one in candidates if part in _tags(one)]
            continue
        keys.append(str(part))
        owner = candidates[0] if candidates else None
        field = owner.model_fields.get(str(part)) if owner else None
        annotation = field.annotation if field else None
        members = get_args(annotation) or (annotation,)
        candidates = [one for one in members if isinstance(one, type) and issubclass(one, BaseModel)]
    return keys, list(owner.model_fields) if owner else []


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    """The literals that tell this kind of settings from the others of its union."""
    field = next((model.model_fields[name] for name in ("kind", "method") if name in model.model_fields), None)
    return get_args(field.annotation) if field else ()


def check_order(foreground_score: float, background_score: float) -> None:
    if foreground_score < background_score:
        raise ValueError("foreground_score must not be below background_score")

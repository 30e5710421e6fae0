"""The base of all settings: unknown keys are refused, and values that differ from the defaults name the folder."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from wsss.errors import WsssError, printable, shown


class Settings(BaseModel):
    """Settings of one stage. They cannot be changed. Unknown keys, wrong types and impossible values are refused."""

    # The module of the method that these settings choose, if the stage has several methods; else empty.
    code: ClassVar[str] = ""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @property
    def label(self) -> str:
        """A short name for these settings in paths and tables; empty if they need none."""
        return ""

    @property
    def parts(self) -> frozenset[str]:
        """Full names of the modules that these settings choose: `code` of this class and of the blocks inside."""
        values = [getattr(self, name) for name in type(self).model_fields]
        blocks = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
        inner = [one.parts for one in blocks if isinstance(one, Settings)]
        return frozenset(filter(None, [self.code])).union(*inner)

    @model_validator(mode="before")
    @classmethod
    def _complete_blocks(cls, values: Any) -> Any:
        """Complete a block that is given in part: missing keys come from this stage, not from the block's class."""
        if not isinstance(values, Mapping):
            return values
        blocks = {name: field.default for name, field in cls.model_fields.items() if name in values}
        return {name: completed(blocks.get(name), value) for name, value in values.items()}

    def key(self, beside: "Settings | None" = None) -> str:
        """Canonical JSON of the values that differ from the defaults, or from other settings.

        A new option that keeps its default is not in the key, so paths of artifacts stay. `completed` reads a key back.

        Parameters
        ----------
        beside : Settings or None
            The settings to compare with; None: the defaults.

        Returns
        -------
        str
            The key.
        """
        return json.dumps(self.differences(beside), sort_keys=True)

    def differences(self, beside: "Settings | None" = None) -> dict[str, Any]:
        """The values that differ from the defaults of this stage, block by block.

        If `beside` is of another kind, the field that names the kind is always included.

        Parameters
        ----------
        beside : Settings or None
            The settings to compare with; None: the defaults.

        Returns
        -------
        dict[str, Any]
            Plain values by the names of the fields.
        """
        alike = type(beside) is type(self)
        named = {} if alike else tags(type(self))
        found = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            usual = getattr(beside, name) if alike else field.default
            if value != usual or name in named:
                found[name] = _plain(value, usual)
        return found

    @classmethod
    def read(cls, key_path: str, values: Mapping[str, Any]) -> Self:
        """Settings from plain values.

        Parameters
        ----------
        key_path : str
            The key of the block in the config, for messages; empty for the whole config.
        values : Mapping[str, Any]
            The block as YAML gives it.

        Returns
        -------
        Self
            The settings.

        Raises
        ------
        WsssError
            Naming key, value and what is allowed.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise WsssError(explain(key_path, cls, error)) from None


@cache
def tags(model: type[BaseModel]) -> dict[str, str]:
    """The fields that name the kind of settings, with their value: literals that allow one value only."""
    literals = {name: get_args(field.annotation) for name, field in model.model_fields.items()}
    return {
        name: values[0]
        for name, values in literals.items()
        if len(values) == 1 and get_origin(model.model_fields[name].annotation) is Literal
    }


def completed(usual: Any, given: Any) -> Any:
    """A block as a config gives it, with missing keys taken from the usual block. Other values are returned unchanged.

    A block of another kind takes nothing from the usual block.
    """
    if not isinstance(usual, Settings) or not isinstance(given, Mapping):
        return given
    own = tags(type(usual))
    if any(given.get(name, value) != value for name, value in own.items()):
        return given
    rest = {name: getattr(usual, name) for name in type(usual).model_fields}
    return {**rest, **{name: completed(rest.get(name), value) for name, value in given.items()}}


def _plain(value: Any, usual: Any) -> Any:
    if isinstance(value, Settings):
        return value.differences(usual if isinstance(usual, Settings) else None)
    if isinstance(value, tuple):
        return [_plain(one, None) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one, None) for name, one in value.items()}
    return value


def explain(key_path: str, model: type[BaseModel], error: ValidationError) -> str:
    """One line for each mistake: the full name of the key, its value, and what is allowed."""
    lines = []
    for mistake in _causes(error):
        keys, allowed = _resolve(model, mistake["loc"])
        name = printable(".".join(filter(None, [key_path, *keys])))
        if mistake["type"] == "extra_forbidden":
            lines.append(f"config: unknown key {name}; allowed here: {', '.join(allowed)}")
        elif mistake["type"] == "missing":
            lines.append(f"config: {name} is missing")
        elif mistake["type"] == "value_error":
            # One of our own checks over several keys. Its message already names the keys and their values.
            lines.append(": ".join(filter(None, ["config", name, printable(str(mistake["ctx"]["error"]))])))
        else:
            lines.append(f"config: {name} = {shown(mistake['input'])}: {printable(mistake['msg'])}")
    return "\n".join(lines)


def _causes(error: ValidationError) -> list[Any]:
    """The mistakes without those that only follow from others: a tuple without its wrong members seems too short."""
    mistakes = error.errors()
    inner = {mistake["loc"][:-1] for mistake in mistakes if mistake["loc"]}
    return [mistake for mistake in mistakes if mistake["type"] != "too_short" or mistake["loc"] not in inner]


def _resolve(model: type[BaseModel], location: Iterable[int | str]) -> tuple[list[str], list[str]]:
    """Names of the keys that lead to a mistake, and the names allowed in place of the last one.

    If settings can be of several kinds, the location also names the kind. The kind is not a key.
    """
    keys: list[str] = []
    owner: type[BaseModel] | None = None
    candidates = [model]
    for part in location:
        if len(candidates) > 1:
            candidates = [one for one in candidates if part in tags(one).values()]
            continue
        keys.append(str(part))
        owner = candidates[0] if candidates else None
        field = owner.model_fields.get(str(part)) if owner else None
        candidates = [*_models(field.annotation)] if field else []
    return keys, list(owner.model_fields) if owner else []


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The classes of settings that an annotation contains, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def check_order(foreground_score: float, background_score: float) -> None:
    if foreground_score < background_score:
        raise ValueError("foreground_score must not be below background_score")

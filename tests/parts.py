"""The parts that a union of settings has: contract tests run over them, so that a new part is picked up by itself."""

from typing import Any, get_args

from wsss.settings.base import Settings


def members(union: Any) -> tuple[type[Settings], ...]:
    """The classes of settings in a union with the discriminator `method`, or a single class."""
    joined = get_args(union)[0]
    return (joined,) if isinstance(joined, type) else get_args(joined)


def method_of(part: type[Settings]) -> str:
    """The literal that names a part."""
    (name,) = get_args(part.model_fields["method"].annotation)
    return str(name)

"""Holds JSON against a vendor's own types: what is refused, and which fields they do not know.

TypedDicts go through pydantic's TypeAdapter, whose lazily checked lists are read to their end here; pydantic models
through their own `model_validate`. Both are lenient with fields that they have no name for, so those are looked for
afterwards.
"""

import pydantic
from pydantic_core import PydanticUndefined


class Client:
    """A vendor's client: the types of its that JSON of ours must be of, and the events that are of none of them."""

    requests = events = None
    untyped = ()

    def request(self, request):
        return flaws(self.requests, request["body"])

    def event(self, kind, data):
        return [] if kind in self.untyped or data in self.untyped else flaws(self.events, data)


def flaws(kind, value, path=""):
    """What these types have against this JSON value: an empty list where they take it."""
    # Kept until the lists are read: they look up types in it.
    adapter = pydantic.TypeAdapter(kind)
    try:
        checked = drained(adapter.validate_python(value))
    except pydantic.ValidationError as error:
        return [f"{path}{told}" for told in plainly(error.errors())][:6]
    return list(unknown(value, checked, path))


def plainly(errors):
    """What is wrong, without the members of a union that the value does not mean to be."""
    branches = {}
    for error in errors:
        where = [str(step) for step in error["loc"] if "[" not in str(step)]
        depth = next((at for at, step in enumerate(where) if step[:1].isupper()), len(where) - 1)
        branches.setdefault(tuple(where[: depth + 1]), []).append((where, error))
    for found in branches.values():
        if not any(where[-1:] in (["type"], ["role"]) and error["type"] in ("literal_error", "missing") for where, error in found):
            yield from (f"{'.'.join(where)}: {error['msg']}" for where, error in found)


def drained(value):
    """The same with every list read to its end: TypedDicts have `Iterable`, which pydantic checks only when it is read."""
    if type(value).__name__ == "ValidatorIterator":
        return [drained(item) for item in value]
    if isinstance(value, list):
        return [drained(item) for item in value]
    if isinstance(value, dict):
        return {key: drained(item) for key, item in value.items()}
    return value


def unknown(value, checked, path=""):
    """The fields of a value that its type dropped or took without knowing them."""
    if isinstance(value, dict) and isinstance(checked, pydantic.BaseModel):
        names = {}
        for name, field in type(checked).model_fields.items():
            names.update({alias: name for alias in (name, field.alias, field.serialization_alias) if alias})
        for key, item in value.items():
            if key in names:
                yield from unknown(item, getattr(checked, names[key]), f"{path}{key}.")
            else:
                yield f"{path}{key}: not a field of {type(checked).__name__}"
    elif isinstance(value, dict) and isinstance(checked, dict):
        for key, item in value.items():
            if key in checked:
                yield from unknown(item, checked[key], f"{path}{key}.")
            else:
                yield f"{path}{key}: not a field"
    elif isinstance(value, list) and isinstance(checked, (list, tuple)):
        for number, (item, other) in enumerate(zip(value, checked)):
            yield from unknown(item, other, f"{path}{number}.")


def parameters(signature):
    """A pydantic model of a function's keyword parameters, for clients that have no type for their request."""
    fields = {}
    for name, parameter in signature.parameters.items():
        if name in ("self", "request_options"):
            continue
        has_default = parameter.default is not parameter.empty
        fields[name] = (parameter.annotation, None if has_default else PydanticUndefined)
    config = pydantic.ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    return pydantic.create_model("Parameters", __config__=config, **fields)


def differences(ours, theirs, path=""):
    """Every place where two JSON values differ: path, what is ours, what is theirs. Absent is `...`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            yield from differences(ours.get(key, ...), theirs.get(key, ...), f"{path}.{key}" if path else key)
    elif isinstance(ours, list) and isinstance(theirs, list):
        for number in range(max(len(ours), len(theirs))):
            pair = [side[number] if number < len(side) else ... for side in (ours, theirs)]
            yield from differences(*pair, f"{path}[{number}]")
    elif ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
        yield path, ours, theirs

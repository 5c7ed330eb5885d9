"""Messages that the fast path did not understand and that are in order all the same.

A sender may say more than the contract knows, and say ``null`` where it could have said nothing. Such a message is
parsed again, every word of it this time: then no key stands twice and all of it is JSON. What does not pass here goes
to ``consumers.strict``, which has a code for everything.
"""

from typing import Any

import msgspec

from consumers.wire import MAX_NESTING, Form, Frame, Single, Slot

_decode = msgspec.json.Decoder().decode
_FORMS: dict[Form, type[Single | Frame | Slot]] = {Form.SINGLE: Single, Form.FRAME: Frame, Form.SLOT: Slot}
#: null stands for nothing here; anywhere else it is a fault or a value.
_MAY_BE_NULL = frozenset({"kind", "scale", "period_s", "t_factor", "q", "rev", "coll"})
#: Read by nobody: may be anything.
_IGNORED = frozenset({"asset_no"})
_FIELDS = {form: frozenset(kind.__struct_fields__) - _IGNORED for form, kind in _FORMS.items()}


def only_says_more(body: bytes, key_ends: int, alien: bytes) -> bool:
    """Whether all that a message holds beyond the fields that were found in it are unknown ones. alien: what a message
    of another form has, empty where there is none such."""
    if b'""' in body or (alien and alien in body):
        return False  # an empty text may stand for a field that was not found
    try:
        document = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    if len(document) == key_ends and body.count(b"{") + body.count(b"[") <= MAX_NESTING:
        return True
    return _is_plain(document, key_ends)


def look_again(body: bytes, key_ends: int, form: Form) -> Single | Frame | Slot | None:
    """The message, if it is one of this form in which no key stands twice. key_ends: places where a key may end."""
    try:
        document = _decode(body)
        if not isinstance(document, dict) or not _is_plain(document, key_ends):
            return None
        fields = _FIELDS[form]
        said = {k: v for k, v in document.items() if k in fields and not (v is None and k in _MAY_BE_NULL)}
        if "" in said.values() or (form is Form.SINGLE and "values" in document):
            return None
        return msgspec.convert(said, _FORMS[form])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _is_plain(document: dict[str, Any], key_ends: int) -> bool:
    """Whether the document has as many keys as there can be, at all depths, and is not nested too deep."""
    keys = len(document)
    inner: list[Any] = [v for v in document.values() if type(v) is dict or type(v) is list]
    depth = 1
    while inner and depth < MAX_NESTING:
        deeper: list[Any] = []
        for value in inner:
            if isinstance(value, dict):
                keys += len(value)
                value = value.values()
            deeper += [v for v in value if type(v) is dict or type(v) is list]
        inner = deeper
        depth += 1
    return not inner and keys == key_ends

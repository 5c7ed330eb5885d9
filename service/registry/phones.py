"""Whose telephone a list means by 联系电话: that of the person or office named in the columns before it."""

from collections.abc import Sequence

from service.registry.cells import is_empty
from service.registry.columns import Table, plain_header

#: Headers that say no more than that there is a telephone.
PHONES = frozenset(("联系电话", "电话", "联系方式", "手机", "手机号", "联系人电话"))
_OF_PLANT = frozenset(("企业负责人", "企业联系人", "法定代表人", "法人代表", "法人", "联系人", "厂长"))
_OF_OFFICE = frozenset(("责任单位", "责任部门", "监管单位", "责任人", "监管责任人", "责任人姓名", "包保责任人"))


def whose_phone(header: Sequence[object], place: int, table: Table) -> object:
    """The header at ``place``, or the one that it stands for where a list says no more than 联系电话."""
    names = {column.name for column in table.columns}
    if "office_phone" not in names or plain_header(header[place]) not in PHONES:
        return header[place]
    for other in reversed(header[:place]):
        plain = "" if is_empty(other) else plain_header(other)
        if plain in _OF_PLANT and "contact_phone" in names:
            return "contact_phone"
        if plain in _OF_OFFICE:
            return "office_phone"
    return "contact_phone" if "contact_phone" in names else "office_phone"

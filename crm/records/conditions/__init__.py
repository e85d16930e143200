"""Advanced filter: conditions of an allow-list of operands and operators, two levels of 且/或, all in the list's URL.

`where` = {"m": "and"|"or", "c": [condition | group]}; condition = {"f": operand key, "o": operator, "v": value}. `operands`
says what may be asked, `parse` makes a Q of it and names what it does not know.
"""

from .operands import Operand, catalogue
from .parsing import Parsed, parse

__all__ = ["Operand", "Parsed", "catalogue", "parse"]

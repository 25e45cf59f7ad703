"""Formulas between series: + - * / with parentheses, numbers and the names of series, compiled to SQL."""

import re
from collections.abc import Mapping

TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>[^\W\d]\w*)|(?P<sign>[-+*/()]))")
MOST_NESTED = 50


def formula_sql(formula: str, values: Mapping[str, str]) -> str:
    """Return the DOUBLE expression of a formula over `values` (the SQL expression of each name).

    A division by zero and whatever is made of a null are null. Raises ValueError that says what is wrong and where.
    """
    return _Parser(formula, values).parsed()


class _Parser:
    """Recursive descent.

    sum = product {+|- product}, product = factor {*|/ factor}, factor = - factor | ( sum ) | number | name.
    """

    def __init__(self, formula: str, values: Mapping[str, str]) -> None:
        self.values = values
        self.tokens = _tokens(formula)
        self.place = 0

    def parsed(self) -> str:
        expression = self._sum(0)
        if self._next():
            raise ValueError(f"{self._where()} an operator is missing: write + - * or / between two values")
        return expression

    def _next(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def _taken(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1][0]

    def _where(self) -> str:
        return f"before `{self._next()}` in column {self.tokens[self.place][1]}" if self._next() else "at its end"

    def _sum(self, depth: int) -> str:
        expression = self._product(depth)
        while self._next() in ("+", "-"):
            sign = self._taken()
            expression = f"({expression} {sign} {self._product(depth)})"
        return expression

    def _product(self, depth: int) -> str:
        expression = self._factor(depth)
        while self._next() in ("*", "/"):
            sign = self._taken()
            factor = self._factor(depth)
            expression = f"({expression} * {factor})" if sign == "*" else f"({expression} / nullif({factor}, 0))"
        return expression

    def _factor(self, depth: int) -> str:
        if depth > MOST_NESTED:
            raise ValueError(f"it is nested more than {MOST_NESTED} deep: write it flatter")
        token = self._next()
        if token == "-":
            self._taken()
            return f"(- {self._factor(depth + 1)})"
        if token == "(":
            self._taken()
            expression = self._sum(depth + 1)
            if self._next() != ")":
                raise ValueError(f"{self._where()} a closing parenthesis is missing")
            self._taken()
            return expression
        if not token or token in "+*/)":
            raise ValueError(f"{self._where()} a value is missing: a number, the name of a series or a parenthesis")
        self._taken()
        if token[0] in "0123456789.":
            return f"{float(token)!r}::double"
        if token not in self.values:
            raise ValueError(f"`{token}` names no series; the series are {', '.join(self.values)}")
        return self.values[token]


def _tokens(formula: str) -> list[tuple[str, int]]:
    """Return (token, its column from 1)."""
    tokens, place = [], 0
    text = formula.rstrip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            rest = text[place:].lstrip()
            column = len(text) - len(rest) + 1
            raise ValueError(f"`{rest[0]}` in column {column} is neither a number, a name nor one of + - * / ( )")
        token = found.group(found.lastgroup or 0)
        tokens.append((token, found.end() - len(token) + 1))
        place = found.end()
    return tokens

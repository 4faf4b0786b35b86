"""Tokens -> nodes: precedence climbing over the FHIRPath N1 grammar, bounded in depth."""

import difflib
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from interop.fhir.path.functions import FUNCTIONS
from interop.fhir.path.lexer import Place, Token, tokens
from interop.fhir.path.nodes import (
    Binary,
    Call,
    Choice,
    Constant,
    Index,
    Literal,
    Member,
    Negative,
    Node,
    Nothing,
    OfType,
    Resource,
    RowIndex,
    Temporal,
    This,
    walk,
)

MAX_DEPTH = 100  # nodes from the root of an expression to its deepest leaf
MAX_NESTING = 40  # brackets within brackets

# FHIRPath N1 6.8, higher binds tighter
PRECEDENCE = {
    **dict.fromkeys(["implies"], 1),
    **dict.fromkeys(["or", "xor"], 2),
    **dict.fromkeys(["and"], 3),
    **dict.fromkeys(["in", "contains"], 4),
    **dict.fromkeys(["=", "!=", "~", "!~"], 5),
    **dict.fromkeys(["<", "<=", ">", ">="], 6),
    **dict.fromkeys(["|"], 7),
    **dict.fromkeys(["is", "as"], 8),
    **dict.fromkeys(["+", "-", "&"], 9),
    **dict.fromkeys(["*", "/", "div", "mod"], 10),
}
_TYPED = {"ofType": 1, "as": 1, "is": 1, "getReferenceKey": 0}  # functions of a type name: fewest arguments
_VARIABLES: dict[str, Node] = {"resource": Resource(), "rootResource": Resource(), "rowIndex": RowIndex()}


@lru_cache(maxsize=4096)
def parse(text: str, *, file: Path | str | None = None, line: int | None = None) -> Node:
    """Nodes of a FHIRPath expression.

    `file` and `line` are where it stands. Raises MappingError with the column and what was expected there.
    """
    parser = _Parser(Place(text, file, line))
    node = parser.expression(0)
    parser.expect("end", "an operator or the end")
    if any(depth > MAX_DEPTH for _, depth in walk(node)):
        parser.place.fail(1, f"is nested more than {MAX_DEPTH} deep")
    return node


class _Parser:
    """A cursor over tokens."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.tokens = tokens(place)
        self.at = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def found(self, text: str) -> bool:
        """Step over a symbol if it is next."""
        if self.token.kind == "symbol" and self.token.text == text:
            self.at += 1
            return True
        return False

    def expect(self, wanted: str, described: str) -> Token:
        """The next token, which must be the symbol or of the kind `wanted`."""
        token = self.token
        if wanted not in (token.kind, token.text) or (token.kind == "string" and wanted != "string"):
            self.fail(described)
        self.at += 1
        return token

    def fail(self, described: str) -> None:
        found = self.token.text if self.token.kind == "end" else f'"{self.token.text}"'
        self.place.fail(self.token.column, f"expected {described}, found {found}")

    def expression(self, lowest: int) -> Node:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.place.fail(self.token.column, f"is nested more than {MAX_NESTING} deep")
        left = self.unary()
        while (strength := self.operator()) > lowest:
            operator = self.token.text
            self.at += 1
            left = (
                self.typed(left, operator)
                if operator in ("is", "as")
                else Binary(operator, left, self.expression(strength))
            )
        self.nesting -= 1
        return left

    def operator(self) -> int:
        return PRECEDENCE.get(self.token.text, 0) if self.token.kind in ("symbol", "name") else 0

    def unary(self) -> Node:
        if self.found("-"):
            return Negative(self.postfix(self.term()))
        self.found("+")
        return self.postfix(self.term())

    def postfix(self, node: Node) -> Node:
        while True:
            if self.found("."):
                node = self.invocation(node, self.expect("name", "an element or a function").text)
            elif self.found("["):
                node = Index(node, self.expression(0))
                self.expect("]", '"]"')
            else:
                return node

    def term(self) -> Node:
        token = self.token
        if token.kind in ("symbol", "end"):
            return self.group()
        self.at += 1
        return self.name(token) if token.kind == "name" else _literal(token)

    def group(self) -> Node:
        if self.found("{"):
            self.expect("}", '"}"')
            return Nothing()
        if not self.found("("):
            self.fail("an element, a literal or a function")
        node = self.expression(0)
        self.expect(")", '")"')
        return node

    def name(self, token: Token) -> Node:
        if token.text in ("true", "false"):
            return Literal(token.text == "true")
        is_call = self.token.kind == "symbol" and self.token.text == "("
        if token.text[0].isupper() and not is_call:
            return OfType(This(), token.text)
        return self.invocation(This(), token.text)

    def invocation(self, base: Node, name: str) -> Node:
        column = self.tokens[self.at - 1].column
        if not self.found("("):
            return Member(base, name)
        if name in _TYPED:
            return self.typed_call(base, name)
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, [*FUNCTIONS, *_TYPED], n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            self.place.fail(column, f"{name}() is not among the functions that views can use{hint}")
        arguments = self.arguments()
        least, most = FUNCTIONS[name].least, FUNCTIONS[name].most
        if not least <= len(arguments) <= most:
            self.place.fail(column, f"{name}() takes {least} to {most} arguments, found {len(arguments)}")
        # FHIRPath for FHIR: extension(url) is short for extension.where(url = ...)
        return Call(Member(base, name) if name == "extension" else base, name, arguments)

    def arguments(self) -> tuple[Node, ...]:
        if self.found(")"):
            return ()
        found = [self.expression(0)]
        while self.found(","):
            found.append(self.expression(0))
        self.expect(")", '"," or ")"')
        return tuple(found)

    def typed_call(self, base: Node, name: str) -> Node:
        if _TYPED[name] == 0 and self.found(")"):
            return Call(base, name)
        node = self.typed(base, name)
        self.expect(")", '")"')
        return node

    def typed(self, base: Node, name: str) -> Node:
        type_ = self.expect("name", "a type").text
        if type_ in ("FHIR", "System") and self.found("."):
            type_ = self.expect("name", "a type").text
        if name == "getReferenceKey":
            return Call(base, name, (Literal(type_),))
        if name == "is":
            return _is(base, type_)
        return Choice(base.base, base.name, (type_,)) if isinstance(base, Member) else OfType(base, type_)


def _is(base: Node, type_: str) -> Node:
    """Whether something is of a type; empty where there is nothing (FHIRPath N1 6.3)."""
    if isinstance(base, Member):
        focus, found, chosen = base.base, Member(This(), base.name), Choice(This(), base.name, (type_,))
        return Call(focus, "iif", (Call(found, "exists"), Call(chosen, "exists")))
    return Call(base, "iif", (Call(This(), "exists"), Call(OfType(This(), type_), "exists")))


def _literal(token: Token) -> Node:
    match token.kind:
        case "constant":
            return _VARIABLES.get(token.text) or Constant(token.text)
        case "this":
            return This()
        case "number":
            return Literal(Decimal(token.text) if "." in token.text else int(token.text))
        case "temporal":
            return Literal(Temporal(token.text.removeprefix("T").removesuffix("T")))
    return Literal(token.text)

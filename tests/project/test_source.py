"""What every file of the source keeps to, whoever wrote it."""

from __future__ import annotations

import ast

from tests.project.tree import modules, texts

# A file that does more than one thing grows past this; it is then divided, not excused.
MOST_LINES = 400
# Made by a program from the migrations; a test elsewhere holds it equal to them.
GENERATED = {"src/payonce/store/schema.sql"}
# Other people's files, kept byte for byte.
VENDORED = "/vendor/"
# Everything through which SQL reaches a server.
SENDS_SQL = {"execute", "executemany", "copy", "fetch", "one", "all", "SQL"}


def test_no_file_of_the_source_is_longer_than_a_reader_can_hold() -> None:
    long = {
        str(path): text.count("\n")
        for path, text in texts("src")
        if text.count("\n") > MOST_LINES and str(path) not in GENERATED and VENDORED not in str(path)
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [str(path) for path, tree in modules("src") if not ast.get_docstring(tree)] == []


def test_no_promise_of_the_source_vanishes_when_python_optimises() -> None:
    asserts = [
        f"{path}:{node.lineno}"
        for path, tree in modules("src")
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
    ]
    assert asserts == []


def test_no_sql_is_put_together_from_text_at_run_time() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in modules("src")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node.func) in SENDS_SQL and node.args and is_composed(node.args[0])
    ]
    assert found == []


def test_of_composed_sql_every_way_of_writing_it_is_seen() -> None:
    composed = ['f"SELECT {x}"', '"SELECT %s" % x', '"SELECT {}".format(x)', '"SELECT " + x', "template.format(x=1)"]
    assert [is_composed(ast.parse(text, mode="eval").body) for text in composed] == [True] * len(composed)
    for fine in ('"SELECT 1"', 'sql.SQL("DROP {}").format(sql.Identifier(name))'):
        assert not is_composed(ast.parse(fine, mode="eval").body)


def name_of(function: ast.expr) -> str:
    """The last word of what is called: `execute` in `self.connection.execute`."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def is_composed(text: ast.expr) -> bool:
    """Whether `text` is made of parts: an f-string, `%`, `+` or `.format()`. psycopg's own `SQL(…).format(…)`
    quotes.
    """
    if isinstance(text, ast.Call):
        if not isinstance(text.func, ast.Attribute) or text.func.attr != "format":
            return False
        return not (isinstance(text.func.value, ast.Call) and name_of(text.func.value.func) == "SQL")
    if isinstance(text, ast.BinOp):
        return isinstance(text.op, ast.Mod | ast.Add)
    return isinstance(text, ast.JoinedStr)

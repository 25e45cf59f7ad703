"""Answer questions of product analytics from what is published, by the engines of the marts."""

from serving.ask.answer import Answer, ask, question_schema, read_question
from serving.ask.names import joined_keys, known_names
from serving.ask.vocabulary import AskError, UnknownNameError, UnseenError

__all__ = [
    "Answer",
    "AskError",
    "UnknownNameError",
    "UnseenError",
    "ask",
    "joined_keys",
    "known_names",
    "question_schema",
    "read_question",
]

"""Workflows of the scenarios."""

from . import acting, cross, life, messages, relations

ALL = acting.ALL + messages.ALL + relations.ALL + life.ALL + cross.ALL

"""Importing this package registers every scenario."""

from . import acting, data, life, messages, relations  # noqa: F401

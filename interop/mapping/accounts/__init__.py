"""Accounts of verbs: `ACCOUNTS` is the registry; importing this package fills it."""

from interop.mapping.accounts import coded, measured, plain
from interop.mapping.accounts.registry import ACCOUNTS, Account, Facts, Row, account

__all__ = ["ACCOUNTS", "Account", "Facts", "Row", "account", "coded", "measured", "plain"]

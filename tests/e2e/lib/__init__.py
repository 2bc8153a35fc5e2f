"""Helpers of the end-to-end tests: a private tmux as judge, namespaces with a bad network between
them, a private home, and a watch over processes that are left behind."""

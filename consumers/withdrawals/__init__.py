"""The bank caller: pays what is executing, each withdrawal once (docs/BANK.md).

`caller` is the process's loop. `following` brings the topic's records, `rows` what PostgreSQL has,
`desk` holds what is in care, `calls` writes down each call before and after it, `telling` sends the
commands that end a withdrawal.
"""

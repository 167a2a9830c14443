"""The operators' web console: pages that ask the API's own handlers, and nothing past them."""

"""How the gateway and the topics are described: OpenAPI, AsyncAPI, and the pages that show them."""

// Shows the document of /api/schema/ in Swagger UI. No validator is asked: nothing leaves the machine.
window.ui = SwaggerUIBundle({
  url: "/api/schema/?format=json",
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});

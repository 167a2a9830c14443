// Shows the document of /api/schema/ in ReDoc.
Redoc.init(
  "/api/schema/?format=json",
  {
    expandResponses: "200,201",
    hideDownloadButton: false,
    nativeScrollbars: true,
    requiredPropsFirst: true,
    sortTagsAlphabetically: false,
  },
  document.getElementById("page"),
);

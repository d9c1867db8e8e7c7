"""A local Google Calendar v3: the model, what a person does in its web page, and the HTTP server."""

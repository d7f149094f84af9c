"""How the runtime reads and writes the rows of a batch. Private to `engine.runtime`: nothing else imports it."""

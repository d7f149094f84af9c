"""The designer's pages: each module answers the requests of one screen."""

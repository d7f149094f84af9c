"""The designer: everything staff configure. It writes drafts, checks them, and hands published snapshots to the engine."""

"""What the form of one action type shows beside its fields: one module per type with `context(form, source)`."""

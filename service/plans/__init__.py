"""Plans of a city: rulebooks read and applied to the stored registry, caps explained, lists audited."""

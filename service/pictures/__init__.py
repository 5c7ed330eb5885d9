"""Pictures of what was judged, as SVG: pure, the same input gives the same bytes."""

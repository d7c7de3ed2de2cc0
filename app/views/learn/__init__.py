"""Learn: lessons, predictions, the story."""

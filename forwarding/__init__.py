"""From landed events to other products: at least once, by batch, with the same ids however often."""

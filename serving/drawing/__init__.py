"""How figures look: numbers and dates in words, one theme, charts as Vega-Lite, everything else as HTML."""

"""SVG plots, by gnuplot."""


def draw(results, folder):
    return []

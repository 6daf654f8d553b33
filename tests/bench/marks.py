def rows(results, scale):
    return []


def document(results, scale):
    return []

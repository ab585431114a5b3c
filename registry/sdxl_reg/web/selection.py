"""From a tag that was clicked to a selector."""


def selector_of(tag: str, select: str = "") -> str:
    """The selector for a tag's path, together with what else is selected.

    Args:
        tag: Path of a tag, names as they are; empty for any.
        select: A selector of the user's; empty for any.

    Returns:
        A selector; empty when both are. Signs that mean something in a selector mean any sign here.
    """
    literal = "".join("?" if sign in '"*?' else sign for sign in tag.strip("/"))
    terms = [f'"{literal}"'] if literal else []
    if select.strip():
        terms.append(f"({select})")
    return " AND ".join(terms)

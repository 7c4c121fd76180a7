"""Change an object of a PDF as its standard foresees it: by an update behind its end.

To write the whole file anew takes ten times as long. Pure.
"""

import pikepdf

START = b"startxref"
FIRST = b"0 1\n0000000000 65535 f \n"  # every table begins with the unused object


def with_stream(content: bytes, opened: pikepdf.Pdf, changed: pikepdf.Object, data: bytes) -> bytes:
    """Return the PDF with other data in a stream of it, which keeps its dictionary otherwise.

    ``content`` are the bytes of ``opened``, with a table of cross references, as Typst writes it.
    """
    number, generation = changed.objgen
    entry = pikepdf.Dictionary(dict(changed.stream_dict.items()))
    entry.Length = len(data)
    head = b"%d %d obj\n%b\nstream\n" % (number, generation, entry.unparse())
    trailer = pikepdf.Dictionary(dict(opened.trailer.items()))
    trailer.Prev = int(content[content.rindex(START) + len(START) :].split()[0])
    body = content if content.endswith(b"\n") else content + b"\n"
    updated = b"%b%b%b\nendstream\nendobj\n" % (body, head, data)
    table = b"xref\n%b%d 1\n%010d %05d n \n" % (FIRST, number, len(body), generation)
    tail = b"trailer\n%b\n%b\n%d\n%%%%EOF\n" % (trailer.unparse(), START, len(updated))
    return updated + table + tail

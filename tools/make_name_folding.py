#!/usr/bin/env python3
"""Writes src/feat/name_folding.inc: what a code point becomes when neither case nor Unicode form counts.

NFD(casefold(NFD(c))) of every code point that this changes, Hangul syllables left out (a formula gives them), and the
ranges of combining marks. usage: make_name_folding.py > src/feat/name_folding.inc
"""
import sys
import unicodedata


def folded(c):
    nfd = unicodedata.normalize("NFD", chr(c))
    for _ in range(3):  # folding may give what decomposes, and the reverse
        nfd = unicodedata.normalize("NFD", nfd.casefold())
    return nfd


def is_plain(c):
    return not 0xAC00 <= c <= 0xD7A3 and not 0xD800 <= c <= 0xDFFF


def main():
    rows = [(c, folded(c)) for c in range(0x80, 0x110000) if is_plain(c)]
    rows = [(c, to) for c, to in rows if to != chr(c)]
    assert max(len(to) for _, to in rows) <= 4
    print("/* Made by tools/make_name_folding.py from Unicode %s. */" % unicodedata.unidata_version)
    print("/* clang-format off */")
    print("static const folding_row folding_table[] = {")
    line = " "
    for c, to in rows:
        cell = " {0x%x, {%s}}," % (c, ", ".join("0x%x" % ord(x) for x in to))
        if len(line) + len(cell) > 110:
            print(line)
            line = " "
        line += cell
    print(line)
    print("};")
    marks = [c for c in range(0x300, 0x110000) if is_plain(c) and unicodedata.combining(chr(c))]
    print("static const uint32_t mark_ranges[][2] = {")
    line, begin = " ", marks[0]
    for c, following in zip(marks, marks[1:] + [None]):
        if following == c + 1:
            continue
        cell = " {0x%x, 0x%x}," % (begin, c)
        if len(line) + len(cell) > 110:
            print(line)
            line = " "
        line += cell
        begin = following
    print(line)
    print("};")
    print("/* clang-format on */")


if __name__ == "__main__":
    sys.exit(main())

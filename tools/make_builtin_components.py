#!/usr/bin/env python3
"""Write src/ccd/ccd_builtin_data.c, the components that are part of the program.

    make_builtin_components.py OF3 COMPONENTS

OF3 is the program, COMPONENTS a file of components that `of3 ccd build` takes. Which components: tools/builtin_components.txt.
The data are the wwPDB's chemical component dictionary, CC0.
"""

import pathlib
import subprocess
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent.parent


def main(of3, components):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / 'components'
        said = subprocess.run([of3, 'ccd', 'build', components, '-o', out, '--compact', '--only',
                               HERE / 'tools/builtin_components.txt'], check=True, capture_output=True, text=True).stdout
        data = out.read_bytes()
    packed = zlib.compress(data, 9)
    words = [int.from_bytes(packed[i:i + 8], 'little') for i in range(0, len(packed), 8)]
    lines = [','.join(f'{w:#x}' for w in words[i:i + 5]) for i in range(0, len(words), 5)]
    (HERE / 'src/ccd/ccd_builtin_data.c').write_text(
        '/* Made by tools/make_builtin_components.py from the chemical component dictionary of the wwPDB (CC0).\n'
        f' * {said.splitlines()[0].split(": ", 1)[1]}. */\n'
        '#include "ccd/ccd_builtin.h"\n\n/* clang-format off */\n'
        f'const size_t of3_ccd_builtin_size = {len(data)}, of3_ccd_builtin_packed_size = {len(packed)};\n'
        'const uint64_t of3_ccd_builtin_packed[] = {\n' + ',\n'.join(lines) + '};\n')
    print(said, f'{len(data)} bytes, {len(packed)} packed')


main(*sys.argv[1:])

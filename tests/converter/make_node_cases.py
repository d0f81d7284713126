#!/usr/bin/env python3
"""Writes the test cases of the ONNX package's own node tests: one folder a case, with model.onnx and test_data_set_0.

usage: make_node_cases.py FOLDER

Without the package (Debian: python3-onnx) nothing is written; the tests that read the folder then skip.
"""
import os
import shutil
import sys
import warnings


def main():
    folder = sys.argv[1]
    marker = os.path.join(folder, "complete")
    if os.path.exists(marker):
        return 0
    warnings.simplefilter("ignore")
    try:
        import numpy
        # Names that newer versions of numpy dropped and the cases still use.
        for name, kind in (("bool", bool), ("int", int), ("float", float), ("complex", complex), ("object", object), ("str", str)):
            if name not in numpy.__dict__:
                setattr(numpy, name, kind)
        from onnx.backend.test import cmd_tools
    except ImportError as problem:
        print(f"no node cases: {problem} (Debian: apt-get install python3-onnx)")
        return 0
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    sys.argv = ["cmd_tools", "generate-data", "-o", folder]
    cmd_tools.main()
    with open(marker, "w", encoding="utf-8") as out:
        out.write("all cases are written\n")
    return 0


sys.exit(main())
